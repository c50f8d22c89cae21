"""The whole system with a real Prometheus that watches it, for tests of alerts."""

from __future__ import annotations

import http.client
import json
import shutil
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from shared.broker.connection import connect
from shared.memory_limit import memory_limit_bytes
from tests.support.deploy_tool import program
from tests.support.jobs import Jobs
from tests.support.prometheus import Prometheus, running_prometheus
from tests.support.quick_rules import write_quick_rules
from tests.support.redis_server import running_server
from tests.support.service_process import ServiceProcess
from tests.support.smtp_server import SmtpServer
from tests.support.tcp_proxy import TcpProxy
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from cli.redis_server import RedisServer

TOKEN = "0123456789abcdef-of-a-throw-away-stack"  # noqa: S105 - as it says
NAMESPACE = "watched"
WORKERS = 2
THREADS = 4
#: What the real thresholds are in files: small enough to be passed within seconds.
THRESHOLDS = {
    "oldest_waiting_seconds": 4,
    "queue_depth_in_an_hour": 2_000,
    "longest_active_seconds": 5,
    "schedule_late_seconds": 4,
}
#: Memory of a worker from which the alert fires.
MUCH_MEMORY_BYTES = 270 * 2**20
#: Room on the disk of the files that may be used up before the alert fires.
SPARE_BYTES = 200 * 2**20
_SCRAPE_S = 2
#: Pause between two rounds of everyday calls, in seconds.
_ROUND_S = 0.4


@dataclass
class MonitoredStack:
    """Everything that runs; a sickness stops, freezes or fills parts of it.

    Attributes:
        redis: The server that all share.
        client: A client of it, past the proxies.
        jobs: Creates jobs, past the api.
        api: The api, which reaches Redis through `api_link`.
        workers: The workers.
        scheduler: The scheduler, which reaches Redis through `scheduler_link`.
        exporter: The Redis exporter.
        smtp: The mail server, through `mail_link`.
        prometheus: Who watches.
        storage: The folder of files.
        traffic_flows: Cleared while applications are to be quiet.
    """

    redis: RedisServer
    client: redis.Redis
    jobs: Jobs
    api: ServiceProcess
    workers: list[ServiceProcess]
    scheduler: ServiceProcess
    second_scheduler: ServiceProcess
    exporter: ServiceProcess
    smtp: SmtpServer
    api_link: TcpProxy
    scheduler_link: TcpProxy
    mail_link: TcpProxy
    prometheus: Prometheus
    storage: Path
    traffic_flows: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def post(self, path: str, body: dict[str, Any]) -> int:
        """Post to the api; return the status, 0 when there was no answer."""
        return self._call("POST", path, json.dumps(body).encode())

    def get(self, path: str) -> int:
        """Get from the api; return the status, 0 when there was no answer."""
        return self._call("GET", path, None)

    def put(self, path: str, body: dict[str, Any]) -> int:
        """Put to the api; return the status, 0 when there was no answer."""
        return self._call("PUT", path, json.dumps(body).encode())

    def patch(self, path: str, body: dict[str, Any]) -> int:
        """Patch through the api; return the status, 0 when there was no answer."""
        return self._call("PATCH", path, json.dumps(body).encode())

    def delete(self, path: str) -> int:
        """Delete from the api; return the status, 0 when there was no answer."""
        return self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: bytes | None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=20)
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
        }
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        else:
            return answer.status
        finally:
            connection.close()

    @contextmanager
    def everyday_traffic(self) -> Iterator[None]:
        """Let applications call the api all the while."""
        thread = threading.Thread(target=self._call_now_and_then, daemon=True)
        self.traffic_flows.set()
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self.traffic_flows.set()
            thread.join(60)

    def _call_now_and_then(self) -> None:
        number = 0
        while not self._stopping.wait(_ROUND_S):
            number += 1
            self.traffic_flows.wait()
            data = {"msg": "hi", "steps": 1, "stepMs": 20}
            options = {"jobId": f"everyday-{number // 4}"}
            self.post("/api/v1/jobs/demo", {"name": "echo", "data": data})
            self.post(
                "/api/v1/jobs/demo", {"name": "echo", "data": data, "opts": options}
            )
            self.get("/api/v1/queues")
            self.get("/api/v1/jobs/demo?state=completed")

    def was(self, alert: str, state: str, *, since: float) -> bool:
        """Whether an alert was `pending` or `firing` after `since`, epoch seconds."""
        name, _, window = alert.partition(" ")
        labels = f'alertname="{name}",alertstate="{state}",long="{window}"'
        found = self.prometheus.query_range(
            f"ALERTS{{{labels}}}",
            start=since,
            end=time.time(),
            step=1,
        )
        return bool(found)


def _configuration(folder: Path, targets: dict[str, list[int]]) -> str:
    return yaml.safe_dump(
        {
            "global": {
                "scrape_interval": f"{_SCRAPE_S}s",
                "scrape_timeout": f"{_SCRAPE_S}s",
                "evaluation_interval": "1s",
            },
            "rule_files": [str(folder / "rules" / "*.yml")],
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [
                        {"targets": [f"127.0.0.1:{port}" for port in ports]}
                    ],
                }
                for job, ports in targets.items()
            ],
        }
    )


@contextmanager
def monitored_stack(folder: Path, storage: Path) -> Iterator[MonitoredStack]:
    """Start everything and wait until all of it is seen to be up.

    Args:
        folder: For logs and data.
        storage: Folder of files of the api and the workers.
    """
    with ExitStack() as stack:
        enter = stack.enter_context
        server = enter(running_server({"maxmemory": "64mb", "dbfilename": "dump.rdb"}))
        path = server.url.removeprefix("unix://")
        api_link, scheduler_link = enter(TcpProxy(path)), enter(TcpProxy(path))
        smtp = enter(SmtpServer())
        mail_link = enter(TcpProxy(("127.0.0.1", smtp.port)))
        mail_port = mail_link.url.removesuffix("/0").rpartition(":")[2]
        common = {
            "NIGHTSHIFT_NAMESPACE": NAMESPACE,
            "NIGHTSHIFT_STORAGE_DIR": str(storage),
            "NIGHTSHIFT_VERSION": "1.2.3",
            "NIGHTSHIFT_REVISION": "abc",
        }

        def service(name: str, redis_url: str, **settings: str) -> ServiceProcess:
            port = free_port()
            return ServiceProcess(
                f"{name}-{port}",
                [sys.executable, "-m", f"services.{name}"],
                folder=folder,
                port=port,
                environment={
                    **common,
                    "REDIS_URL": redis_url,
                    "NIGHTSHIFT_API_PORT": str(port),
                    "NIGHTSHIFT_HEALTH_PORT": str(port),
                    **settings,
                },
            )

        api = service("api", api_link.url, NIGHTSHIFT_API_TOKEN=TOKEN)
        workers = [
            service(
                "worker",
                server.url,
                NIGHTSHIFT_WORKER_THREADS=str(THREADS),
                NIGHTSHIFT_SMTP_URL=f"smtp://127.0.0.1:{mail_port}",
                NIGHTSHIFT_GRACE_S="5",
            )
            for _ in range(WORKERS)
        ]
        demo = {
            "NIGHTSHIFT_DEMO_SCHEDULE": "true",
            "NIGHTSHIFT_DEMO_EVERY_MS": "1000",
            # Their tasks clean and report what this stack has not.
            "NIGHTSHIFT_DEFAULT_SCHEDULES": "false",
        }
        scheduler = service("scheduler", scheduler_link.url, **demo)
        # Prometheus knows its place from the start; it is ill to run.
        second = service(
            "scheduler", server.url, **demo, NIGHTSHIFT_NAMESPACE="another"
        )
        exporter_port = free_port()
        exporter = ServiceProcess(
            "exporter",
            [
                program("prometheus-redis-exporter"),
                f"-redis.addr={server.url}",
                f"-web.listen-address=127.0.0.1:{exporter_port}",
            ],
            folder=folder,
            port=exporter_port,
            ready_path="/health",
        )
        services = [api, *workers, scheduler, exporter]
        for process in [*services, second]:
            stack.callback(process.kill)
        for process in services:
            process.start()
        write_quick_rules(folder / "rules", _thresholds(storage))
        targets = {
            "nightshift-api": [api.port],
            "nightshift-worker": [worker.port for worker in workers],
            "nightshift-scheduler": [scheduler.port, second.port],
            "redis": [exporter.port],
        }
        prometheus = enter(
            running_prometheus(folder, configuration=_configuration(folder, targets))
        )
        client = enter(connect(server.url))
        found = MonitoredStack(
            redis=server,
            client=client,
            jobs=Jobs(client, NAMESPACE),
            api=api,
            workers=workers,
            scheduler=scheduler,
            second_scheduler=second,
            exporter=exporter,
            smtp=smtp,
            api_link=api_link,
            scheduler_link=scheduler_link,
            mail_link=mail_link,
            prometheus=prometheus,
            storage=storage,
        )
        with suppress(KeyboardInterrupt), found.everyday_traffic():
            yield found


def _thresholds(storage: Path) -> dict[str, float]:
    usage = shutil.disk_usage(storage)
    return {
        **THRESHOLDS,
        "worker_memory_ratio": MUCH_MEMORY_BYTES / memory_limit_bytes(),
        "storage_free_ratio": (usage.free - SPARE_BYTES) / usage.total,
    }
