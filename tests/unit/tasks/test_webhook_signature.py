from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from services.worker.webhooks.signature import parse_secret, sign, webhook_id

#: From the specification's reference implementations.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_signature_is_the_one_of_the_reference() -> None:
    signature = sign(
        parse_secret(SECRET),
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp_s=1_614_265_330,
        body=b'{"test": 2432232314}',
    )

    assert signature == SIGNATURE


@given(st.binary(min_size=24, max_size=64), st.text(max_size=200))
def test_the_official_library_accepts_what_we_sign(key: bytes, text: str) -> None:
    secret = f"whsec_{base64.b64encode(key).decode()}"
    body = text.encode("utf-8", "replace")
    now_s = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now_s),
        "webhook-signature": sign(
            parse_secret(secret), event_id="msg_1", timestamp_s=now_s, body=body
        ),
    }

    expected = Webhook(secret).sign(
        "msg_1", datetime.fromtimestamp(now_s, UTC), body.decode()
    )
    assert headers["webhook-signature"] == expected


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_not base64",
        SECRET.removeprefix("whsec_"),
        f"whsec_{base64.b64encode(bytes(23)).decode()}",
        f"whsec_{base64.b64encode(bytes(65)).decode()}",
    ],
)
def test_other_secrets_are_refused_without_repeating_them(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64") as refusal:
        parse_secret(secret)

    assert len(secret) < 8 or secret not in str(refusal.value)


def test_the_event_s_id_is_the_job_s_but_for_full_stops() -> None:
    assert webhook_id("38g4c82tt2rt3dgycs4m") == "38g4c82tt2rt3dgycs4m"
    assert webhook_id("daily.report:1") == "daily~report:1"
