from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from cli.demo import checks, heartbeat, orders
from cli.demo.api_client import ApiClient
from cli.demo.checks import Checks, UnverifiedError
from cli.demo.progress import waits_ms
from cli.errors import ApiError
from cli.loopback_http import Answer, LoopbackServer, Request, not_found
from cli.mailbox import Mailbox
from cli.state_folder import StateFolder
from shared import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = "run1"


@dataclass
class SmallApi:
    """Answers GET with what was put at an address."""

    content: dict[str, bytes] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer token":
            return Answer(status=401, body=b'{"detail": "No token."}')
        body = self.content.get(request.path)
        return not_found() if body is None else Answer(body=body)


@pytest.fixture
def api() -> SmallApi:
    return SmallApi()


@pytest.fixture
def client(api: SmallApi) -> Iterator[ApiClient]:
    with LoopbackServer(0, answer=api.answer) as server:
        yield ApiClient(f"http://127.0.0.1:{server.port}", token="token")


@pytest.fixture
def verify(client: ApiClient, tmp_path: Path) -> Checks:
    state = StateFolder(tmp_path)
    state.create()
    return Checks(client=client, state=state, run=RUN)


def picture(width: int, height: int, *, kind: str = "WEBP") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, kind)
    return file.getvalue()


def failed_then_done(*waits: int) -> dict[str, Any]:
    history, now = [], 1000
    for wait in waits:
        history.append({"started": now, "finished": now + 10})
        now += 10 + wait
    return {"history": history, "processedOn": now}


def thumbnails(*sizes: int) -> dict[str, Any]:
    made = [{"size": size, "file": {"id": f"t{size}"}} for size in sizes]
    return {"returnvalue": {"thumbnails": made}}


def deliver(verify: Checks, *, run: str = RUN, html: str = "<p>Ada</p>") -> None:
    mail = EmailMessage()
    mail["To"], mail["Subject"] = orders.recipient(run), "Welcome"
    mail.set_content("Hello Ada")
    if html:
        mail.add_alternative(html, subtype="html")
    Mailbox(verify.state.mail).store(mail.as_bytes(), sender="x@y.z", recipients=[])


def receive(verify: Checks, *, verified: bool = True, run: str = RUN) -> None:
    body = {"type": "demo", "data": {"run": run}}
    receipt = {"verified": verified, "reason": None, "body": body}
    path = verify.state.webhooks / "00000000000000000001.json"
    path.write_text(json.dumps(receipt))


def test_reads_the_waits_from_the_history() -> None:
    assert waits_ms(failed_then_done(500, 1000)) == [500, 1000]
    assert waits_ms({}) == []


def test_knows_no_last_wait_while_the_job_still_waits() -> None:
    record = failed_then_done(500, 1000)
    record["processedOn"] = record["history"][1]["started"]

    assert waits_ms(record) == [500]


def test_accepts_growing_waits(verify: Checks) -> None:
    assert (
        verify.maybe_fail(failed_then_done(500, 1001)) == "waited 0.50 s, then 1.00 s"
    )


@pytest.mark.parametrize("waits", [(500,), (500, 600), (500, 1000, 2000), (1200, 1100)])
def test_refuses_waits_that_were_not_asked_for(
    verify: Checks, waits: tuple[int, ...]
) -> None:
    with pytest.raises(UnverifiedError):
        verify.maybe_fail(failed_then_done(*waits))


def test_refuses_a_delayed_job_that_began_early(verify: Checks) -> None:
    job = {
        "data": {"msg": "x"},
        "returnvalue": {"msg": "x"},
        "timestamp": 0,
        "processedOn": orders.DELAY_MS,
    }

    assert "began 3.00 s" in verify.delayed(job)
    with pytest.raises(UnverifiedError, match="500 ms too early"):
        verify.delayed(job | {"processedOn": orders.DELAY_MS - 500})


def test_refuses_an_echo_of_something_else(verify: Checks) -> None:
    with pytest.raises(UnverifiedError, match="said 'no' instead"):
        verify.echo({"data": {"msg": "yes"}, "returnvalue": {"msg": "no"}})


def test_saves_the_thumbnails_it_verified(verify: Checks, api: SmallApi) -> None:
    for size in orders.THUMBNAIL_SIZES:
        api.content[f"/api/v1/files/t{size}"] = picture(size, size // 2)

    said = verify.thumbnails(thumbnails(*orders.THUMBNAIL_SIZES))

    assert len(said.splitlines()) == 3
    for size in orders.THUMBNAIL_SIZES:
        assert (verify.state.demo / f"thumbnail-{size}.webp").is_file()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (picture(150, 151), "151 pixels long"),
        (picture(150, 100, kind="PNG"), "is PNG, not WebP"),
        (picture(150, 100)[:40], "does not open"),
        (b"", "does not open"),
    ],
)
def test_refuses_a_thumbnail_that_is_none(
    verify: Checks, api: SmallApi, content: bytes, reason: str
) -> None:
    for size in orders.THUMBNAIL_SIZES:
        api.content[f"/api/v1/files/t{size}"] = content

    with pytest.raises(UnverifiedError, match=reason):
        verify.thumbnails(thumbnails(*orders.THUMBNAIL_SIZES))


def test_refuses_missing_thumbnails(verify: Checks) -> None:
    with pytest.raises(UnverifiedError, match=r"it made the sizes \[150\]"):
        verify.thumbnails(thumbnails(150))
    with pytest.raises(ApiError, match="404"):
        verify.thumbnails(thumbnails(*orders.THUMBNAIL_SIZES))


def test_finds_the_mail_of_this_run(verify: Checks) -> None:
    deliver(verify, run="another")
    with pytest.raises(UnverifiedError, match="0 mails"):
        verify.email({})

    deliver(verify)
    assert "“Welcome”" in verify.email({})

    deliver(verify)
    with pytest.raises(UnverifiedError, match="2 mails"):
        verify.email({})


def test_refuses_a_mail_without_html(verify: Checks) -> None:
    deliver(verify, html="")

    with pytest.raises(UnverifiedError, match="no HTML for Ada"):
        verify.email({})


def test_believes_only_a_verified_receipt_of_this_run(
    verify: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_RECEIPT_TIMEOUT_S", 0.1)
    receive(verify, run="another")
    with pytest.raises(UnverifiedError, match="no receipt"):
        verify.webhook({})

    receive(verify, verified=False)
    with pytest.raises(UnverifiedError, match="the receiver refused it"):
        verify.webhook({})

    receive(verify)
    assert "signature verified" in verify.webhook({})


def test_finds_a_slot_that_fired_since_the_beginning(
    client: ApiClient, api: SmallApi
) -> None:
    slot = clock.now_ms() // heartbeat.EVERY_MS * heartbeat.EVERY_MS
    record = {"id": f"demo-heartbeat:{slot}", "state": "completed", "timestamp": slot}
    api.content[f"/api/v1/jobs/demo/demo-heartbeat:{slot}"] = json.dumps(
        record
    ).encode()

    assert heartbeat.find(client, since_ms=slot + 1) is None
    assert heartbeat.find(client, since_ms=slot - 1) == record
    assert heartbeat.described(record).endswith("fired 0 ms late")


def test_passes_on_what_the_api_says(client: ApiClient) -> None:
    stranger = ApiClient(f"http://{client._host}", token="wrong")

    with pytest.raises(ApiError, match=r"401 to GET /files/x: No token\."):
        stranger.download("x")


def test_says_when_the_api_does_not_answer() -> None:
    with pytest.raises(ApiError, match="does not answer"):
        ApiClient("http://127.0.0.1:1", token="t").job("demo", "x")
