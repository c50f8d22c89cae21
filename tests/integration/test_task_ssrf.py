"""Names, rebinding and redirects that lead inside: not one connection arrives."""

from __future__ import annotations

import socket
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from services.worker.egress.backend import ForbiddenAddressError
from services.worker.egress.client import open_client
from services.worker.egress.exchange import Outgoing, Reach, exchange
from services.worker.egress.resolver import Endpoint
from shared.errors import UnrecoverableError
from tests.support.http_receiver import HttpReceiver, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC = "93.184.216.34"


class Canary:
    """Listens on every address of this machine, IPv4 and IPv6."""

    def __init__(self) -> None:
        self._listener = socket.create_server(
            ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True
        )
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]

    def calls(self) -> int:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return number
            connection.close()
            number += 1

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    found = Canary()
    monkeypatch.setattr(
        "services.worker.egress.client.ALLOWED_PORTS", frozenset({found.port})
    )
    yield found
    found.close()


class Resolver:
    """A name server that changes its mind from one question to the next."""

    def __init__(self, *rounds: list[str]) -> None:
        self.rounds = list(rounds)
        self.asked = 0

    def __call__(self, host: str, port: int, *, timeout_s: float) -> list[Endpoint]:
        del host, timeout_s
        answer = self.rounds[min(self.asked, len(self.rounds) - 1)]
        self.asked += 1
        return [
            Endpoint(
                socket.AF_INET6 if ":" in one else socket.AF_INET, ip_address(one), port
            )
            for one in answer
        ]


def get(url: str, resolver: Resolver, *, within_s: float = 1.0) -> int:
    reach = Reach(
        deadline=time.monotonic() + within_s, allow_private=False, resolver=resolver
    )
    outgoing = Outgoing(method="GET", url=url)
    with exchange(outgoing, reach=reach, who="It") as answer:
        return answer.status


def test_the_canary_hears_a_call(canary: Canary) -> None:
    with socket.create_connection(("127.0.0.1", canary.port)):
        pass

    assert canary.calls() == 1


INSIDE = ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1", "0.0.0.0"]


@pytest.mark.parametrize("inside", INSIDE)
def test_a_name_that_leads_inside_is_not_called(canary: Canary, inside: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        get(f"http://a.example:{canary.port}/", Resolver([inside]))

    assert canary.calls() == 0


@pytest.mark.parametrize("inside", INSIDE)
def test_public_and_inside_answers_together_are_not_called(
    canary: Canary, inside: str
) -> None:
    for answer in ([PUBLIC, inside], [inside, PUBLIC], ["2606:4700::1", inside]):
        with pytest.raises(ForbiddenAddressError):
            get(f"http://a.example:{canary.port}/", Resolver(answer))

    assert canary.calls() == 0


def test_a_name_that_is_public_first_and_inside_later_is_asked_once(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        called.append(address[0])
        raise ConnectionRefusedError

    # No packet leaves this machine; what would be called is what counts.
    monkeypatch.setattr("socket.create_connection", connect)
    rebinding = Resolver([PUBLIC], ["127.0.0.1"])
    with pytest.raises(Exception, match="can't be reached"):
        get(f"http://rebinding.example:{canary.port}/", rebinding)

    assert rebinding.asked == 1
    assert called == [PUBLIC]
    assert canary.calls() == 0


@pytest.mark.parametrize(
    "where",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::1]:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "//127.0.0.1:{port}/",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_inside_is_not_followed_by_itself(
    canary: Canary, where: str, status: int
) -> None:
    # The guard that follows redirects begins anew with each: see call.py. Here, the
    # client below it must not follow any by itself.
    target = where.format(port=canary.port)
    with (
        HttpReceiver(Reply(status, headers={"location": target})) as receiver,
        open_client(deadline=time.monotonic() + 5, allow_private=True) as client,
    ):
        assert client.get(receiver.url).status_code == status

    assert canary.calls() == 0


@pytest.mark.parametrize(
    "url", ["http://user@a.example/", "file:///etc/passwd", "http://a.example:22/"]
)
def test_odd_addresses_never_reach_the_name_server(url: str) -> None:
    resolver = Resolver([PUBLIC])
    with pytest.raises(UnrecoverableError):
        get(url, resolver)

    assert resolver.asked == 0
