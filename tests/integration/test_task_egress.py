from __future__ import annotations

import socket
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpcore2
import pytest

from services.worker.egress.backend import ForbiddenAddressError, GuardedBackend
from services.worker.egress.resolver import Endpoint, ResolutionError, resolve
from services.worker.webhooks.delivery import Reach, post
from tests.support.http_receiver import HttpReceiver

if TYPE_CHECKING:
    from services.worker.egress.resolver import Resolver


class Answers:
    """A name server that gives other answers each time it is asked."""

    def __init__(self, *rounds: list[str]) -> None:
        self.rounds = list(rounds)
        self.asked = 0

    def __call__(self, host: str, port: int, *, timeout_s: float) -> list[Endpoint]:
        assert host
        assert timeout_s > 0
        answer = self.rounds[min(self.asked, len(self.rounds) - 1)]
        self.asked += 1
        return [
            Endpoint(
                socket.AF_INET6 if ":" in text else socket.AF_INET,
                ip_address(text),
                port,
            )
            for text in answer
        ]


def guard(
    resolver: Resolver, *, allow_private: bool, within_s: float = 5
) -> GuardedBackend:
    return GuardedBackend(
        resolver=resolver,
        deadline=time.monotonic() + within_s,
        allow_private=allow_private,
    )


def test_one_forbidden_answer_among_public_ones_spoils_all() -> None:
    answers = Answers(["93.184.216.34", "2606:4700::1", "10.0.0.7"])

    with pytest.raises(ForbiddenAddressError, match="private or reserved") as refusal:
        guard(answers, allow_private=False).connect_tcp("mixed.example", 80)

    assert "10.0.0.7" not in str(refusal.value)


def test_a_name_is_looked_up_once_and_the_answer_is_what_is_called() -> None:
    with HttpReceiver() as receiver:
        # The second answer would lead nowhere.
        answers = Answers(["127.0.0.1"], ["127.0.0.66"])
        answer = post(
            f"http://rebinding.example:{receiver.port}/a?b=c",
            body=b"{}",
            headers={},
            reach=Reach(
                deadline=time.monotonic() + 5, allow_private=True, resolver=answers
            ),
        )

    [request] = receiver.received
    assert answer.status == 200
    assert answers.asked == 1
    assert request.headers["host"] == f"rebinding.example:{receiver.port}"
    assert request.path == "/a?b=c"


def test_the_next_address_is_tried_when_the_first_does_not_answer() -> None:
    with HttpReceiver() as receiver:
        answers = Answers(["::1", "127.0.0.1"])
        stream = guard(answers, allow_private=True).connect_tcp("x", receiver.port)

        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        stream.close()


def test_no_connection_begins_after_the_deadline() -> None:
    late = guard(Answers(["127.0.0.1"]), allow_private=True, within_s=0)

    with pytest.raises(httpcore2.ConnectTimeout):
        late.connect_tcp("x", 80)


def test_the_system_s_addresses_are_found() -> None:
    found = resolve("127.0.0.1", 80, timeout_s=5)

    assert [(str(one.address), one.port) for one in found] == [("127.0.0.1", 80)]


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300, "..", "\0"])
def test_a_name_without_an_address_is_reported_as_such(host: str) -> None:
    with pytest.raises(ResolutionError, match="no address"):
        resolve(host, 80, timeout_s=10)
