from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from cli.standard_webhook import why_refused

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
BODY = b'{"type":"demo","data":{}}'
NOW_S = 1_795_370_000


def signed(*, secret: str = SECRET, body: bytes = BODY) -> dict[str, str]:
    moment = datetime.fromtimestamp(NOW_S, tz=UTC)
    signature = Webhook(secret).sign("msg_1", moment, body.decode())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW_S),
        "webhook-signature": signature,
    }


def refusal(headers: dict[str, str], *, body: bytes = BODY, now: int = NOW_S) -> str:
    return why_refused(headers, body, secret=SECRET, now_s=now) or ""


def test_accepts_what_the_reference_library_signed() -> None:
    assert refusal(signed()) == ""


def test_accepts_one_fitting_signature_among_others() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1,abc v1a,xyz {headers['webhook-signature']}"

    assert refusal(headers) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"webhook-id": "msg_2"}, "no signature fits"),
        ({"webhook-timestamp": str(NOW_S + 1)}, "no signature fits"),
        ({"webhook-timestamp": "soon"}, "not a number"),
        ({"webhook-timestamp": "²"}, "not a number"),
        ({"webhook-signature": "v1,ä"}, "no signature fits"),
        ({"webhook-signature": " "}, "is missing"),
        ({"webhook-id": ""}, "is missing"),
    ],
)
def test_refuses_changed_headers(change: dict[str, str], reason: str) -> None:
    assert reason in refusal(signed() | change)


def test_refuses_a_changed_body() -> None:
    assert refusal(signed(), body=BODY + b" ") == "no signature fits"


def test_refuses_another_key() -> None:
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()

    assert refusal(signed(secret=other)) == "no signature fits"


@pytest.mark.parametrize("shift", [-301, 301])
def test_refuses_a_webhook_from_another_time(shift: int) -> None:
    assert "300 s away" in refusal(signed(), now=NOW_S + shift)
