"""Replies that get lost between Redis and us, after the work was done."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from shared import ids
from shared.broker import script_loader
from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.broker.orders import ReleaseOrder, StopOrder
from shared.broker.scripts import Claimed, Patience, Scripts
from shared.errors import RedisUnavailableError
from tests.support.invariants import assert_consistent
from tests.support.queue_probe import (
    KEEP_ALL,
    LONG_MS,
    QueueProbe,
    another_try,
    completion,
    failure,
    new_job,
    opening,
)
from tests.support.tcp_proxy import Fate, TcpProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

NAMES = {script_loader.load(name).sha: name for name in script_loader.names()}
ENDED = ("completed", "failed", "cancelled")


@pytest.fixture
def proxy(redis_url: str) -> Iterator[TcpProxy]:
    with TcpProxy(redis_url.removeprefix("unix://").partition("?")[0]) as proxy:
        yield proxy


@pytest.fixture
def keys(namespace: str) -> QueueKeys:
    return QueueKeys(namespace, "mail")


@pytest.fixture
def queue(client: redis.Redis, keys: QueueKeys) -> QueueProbe:
    """The queue, looked at without the proxy."""
    return QueueProbe(client, keys, Scripts(client, keys))


class Losses:
    """Loses replies to scripts at random, and counts them per script."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.per_script: Counter[str] = Counter()
        self.is_on = True

    def __call__(self, request: bytes) -> Fate:
        name = next((n for sha, n in NAMES.items() if sha.encode() in request), None)
        if name is None or not self.is_on or self._random.random() < 0.5:
            return Fate.ARRIVE
        self.per_script[name] += 1
        return self._random.choice([Fate.DROP, Fate.DROP, Fate.TRUNCATE])


class Traffic:
    """Does anything to a queue through a bad line, and remembers what it was told."""

    def __init__(self, scripts: Scripts, queue: QueueProbe, seed: int) -> None:
        self.scripts = scripts
        self.queue = queue
        self.random = random.Random(seed)
        self.created: list[str] = []
        self.removed: set[str] = set()
        self.leases: dict[str, Claimed] = {}
        self.claims: Counter[str] = Counter()
        self.logged: Counter[str] = Counter()
        self.reruns: Counter[str] = Counter()
        self.told: Counter[tuple[str, str]] = Counter()
        self._last_event = "-"
        acts = (self.enqueue, self.claim, self.settle, self.look, self.meddle)
        self.acts: list[Callable[[], object]] = [*acts, self.settle, self.meddle]

    def step(self) -> None:
        self.random.choice(self.acts)()

    def any_job(self) -> str:
        return self.random.choice(self.created[-60:] or ["none"])

    def enqueue(self) -> None:
        batch = [
            new_job(
                f"j{ids.new_id()}",
                delay_ms=self.random.choice([0, 0, LONG_MS]),
                group=self.random.choice(["", "g1", "g2"]),
                operation=self.random.choice(["", "op"]),
                expires_in_ms=self.random.choice(["", LONG_MS]),
            )
            for _ in range(self.random.randint(1, 3))
        ]
        for job, answer in zip(batch, self.scripts.enqueue(batch), strict=True):
            assert answer.created, "a request sent again is no duplicate"
            self.created.append(job.job_id)

    def claim(self) -> None:
        claim = self.scripts.claim(
            worker=self.random.choice(["w1", "w2"]),
            operation=ids.new_id(),
            count=self.random.randint(1, 4),
            lease_ms=LONG_MS,
        )
        for job in claim.jobs:
            self.leases[job.job_id] = job
            self.claims[job.job_id] += 1

    def settle(self) -> None:
        if not self.leases:
            return
        job = self.leases.pop(self.random.choice(sorted(self.leases)))
        order = StopOrder(job.job_id, job.token, opening("cancelled"))
        way = self.random.randrange(8)
        if way < 4:
            answers = self.scripts.complete([completion(job)])
        elif way == 4:
            answers = self.scripts.fail([failure(job)])
        elif way == 5:
            answers = self.scripts.retry([another_try(job)])
        elif way == 6:
            answers = self.scripts.release([ReleaseOrder(job.job_id, job.token)])
        else:
            answers = self.scripts.stop([order])
        assert answers[0] >= 0, "who holds a lease is never told that it is lost"

    def look(self) -> None:
        self.scripts.read_counts()
        self.scripts.read_job(self.any_job())
        self.scripts.read_page("waiting", count=5, newest_first=False, after=("", ""))
        self.scripts.audit([self.any_job()], mend=False)

    def meddle(self) -> None:
        job_id = self.any_job()
        for job in list(self.leases.values())[:1]:
            self.scripts.renew([(job.job_id, job.token)], lease_ms=LONG_MS)
            self.scripts.progress(
                job.job_id, job.token, lease_ms=LONG_MS, progress=b"1"
            )
            operation = ids.new_id()
            self.scripts.add_log(
                job.job_id, job.token, operation=operation, lines=["x"]
            )
            self.logged[job.job_id] += 1
        way = self.random.randrange(7)
        if way == 0:
            self.scripts.cancel([job_id], keep=KEEP_ALL)
        elif way == 1:
            self.scripts.promote_now([job_id])
            self.scripts.promote_due(limit=10)
        elif way == 2:
            self.reruns[job_id] += self.scripts.rerun([job_id]) == [1]
        elif way == 3:
            if self.scripts.remove([job_id]) == [1]:
                self.removed.add(job_id)
        elif way == 4:
            self.scripts.tidy(limit=10)
        elif way == 5:
            self.scripts.configure({"paused": "1", "group:*": "c=2"})
            self.scripts.configure({"paused": "", "group:*": ""})
        else:
            self.recover()

    def recover(self) -> None:
        self.scripts.recover(
            gate_ms=0,
            suspect_before_expiry_ms=0,
            suspect_for_ms=0,
            max_stalled=3,
            keep=KEEP_ALL,
        )

    def read_events(self) -> None:
        key = self.queue.keys.one("events")
        entries = self.queue.client.xrange(
            key, f"({self._last_event}".replace("(-", "-")
        )
        for entry_id, fields in entries:
            self._last_event = entry_id.decode()
            for job_id in fields[b"jobId"].decode().split():
                self.told[fields[b"event"].decode(), job_id] += 1

    def drain(self) -> None:
        """End everything that can still run."""
        self.scripts.promote_now(self.queue.line("delayed") or ["none"])
        while self.leases or self.queue.counts()["waiting"]:
            self.claim()
            for job in self.leases.values():
                assert self.scripts.complete([completion(job)])[0] >= 0
            self.leases.clear()


def run(proxy: TcpProxy, queue: QueueProbe, *, losses: int, seed: int) -> Counter[str]:
    fate = Losses(seed)
    with connect(proxy.url) as bad_line:
        patience = Patience(tries=40, pause_s=0)
        traffic = Traffic(Scripts(bad_line, queue.keys, patience=patience), queue, seed)
        proxy.fate_of = fate
        steps = 0
        while fate.per_script.total() < losses or set(NAMES.values()) - set(
            fate.per_script
        ):
            traffic.step()
            steps += 1
            if steps % 200 == 0:
                traffic.read_events()
                assert_consistent(queue.client, queue.keys)
        traffic.drain()
        traffic.read_events()
        fate.is_on = False
    check(traffic, queue)
    return fate.per_script


def check(traffic: Traffic, queue: QueueProbe) -> None:
    assert_consistent(queue.client, queue.keys)
    told = traffic.told
    for job_id in traffic.created:
        state = queue.state(job_id)
        if job_id in traffic.removed:
            assert state is None, f"{job_id} came back"
        else:
            assert state in ENDED, f"{job_id} is stranded"
        assert told["active", job_id] == traffic.claims[job_id], "no claim is lost"
        ends = sum(told[end, job_id] for end in ENDED)
        assert ends <= 1 + traffic.reruns[job_id], f"{job_id} ended twice"
        if state is not None:
            assert len(queue.logs(job_id)) == traffic.logged[job_id]


def test_lost_replies_leave_no_duplicate_and_no_stranded_job(
    proxy: TcpProxy, queue: QueueProbe
) -> None:
    run(proxy, queue, losses=500, seed=random.randrange(2**32))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_lost_replies(proxy: TcpProxy, queue: QueueProbe) -> None:
    lost = run(proxy, queue, losses=10_000, seed=1)
    assert lost.total() >= 10_000
    assert min(lost[name] for name in NAMES.values()) >= 50


def test_a_slow_line_is_waited_for(proxy: TcpProxy, queue: QueueProbe) -> None:
    proxy.delay_s = 0.05
    with connect(proxy.url) as slow_line:
        [enqueued] = Scripts(slow_line, queue.keys).enqueue([new_job("a")])
    assert enqueued.created
    assert queue.line() == ["a"]


def test_a_silent_line_is_given_up_and_the_job_exists_once(
    proxy: TcpProxy, queue: QueueProbe
) -> None:
    with connect(proxy.url, timeout_s=0.1) as line:
        scripts = Scripts(line, queue.keys)
        assert scripts.read_counts()[0] == 0
        proxy.freeze()
        with pytest.raises(RedisUnavailableError):
            scripts.enqueue([new_job("a", operation="op")])
        proxy.thaw()
        [enqueued] = scripts.enqueue([new_job("a", operation="op")])
    assert enqueued.created
    assert queue.line() == ["a"]


def test_a_line_that_was_reset_is_opened_again(
    proxy: TcpProxy, queue: QueueProbe
) -> None:
    with connect(proxy.url) as line:
        scripts = Scripts(line, queue.keys)
        queue.put("a")
        for _ in range(3):
            proxy.reset()
            assert scripts.read_counts()[0] == 1
