from __future__ import annotations

import base64
import http.client
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from standardwebhooks.webhooks import Webhook

from cli.demo import receipts
from cli.loopback_http import LoopbackServer
from cli.webhook_receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
BODY = '{"type":"demo.finished","data":{"run":"r1"}}'


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with LoopbackServer(0, answer=Receiver(tmp_path, SECRET).answer) as server:
        yield server.port


def post(port: int, *, secret: str = SECRET) -> int:
    now = datetime.now(tz=UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, BODY),
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/hooks", body=BODY, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_accepts_a_signed_webhook_and_keeps_a_receipt(
    port: int, tmp_path: Path
) -> None:
    assert post(port) == 204

    receipt = receipts.find(tmp_path, run="r1")
    assert receipt is not None
    assert receipt.is_verified
    document = json.loads(receipt.path.read_bytes())
    assert document["id"] == "msg_1"
    assert document["body"] == json.loads(BODY)


def test_refuses_a_webhook_with_another_signature(port: int, tmp_path: Path) -> None:
    assert post(port, secret="whsec_" + base64.b64encode(b"o" * 32).decode()) == 401

    receipt = receipts.find(tmp_path, run="r1")
    assert receipt is not None
    assert not receipt.is_verified
    assert receipt.reason == "no signature fits"
    assert receipts.find(tmp_path, run="r2") is None
