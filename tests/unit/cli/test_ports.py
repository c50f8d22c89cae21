from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from cli.errors import CliError
from cli.local_services import LocalPorts
from cli.ports import LOOPBACK, Ports, is_free

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


def test_gives_another_port_when_the_wished_one_is_taken(taken: int) -> None:
    assert not is_free(taken)
    assert Ports().take(taken) != taken


def test_gives_no_port_twice() -> None:
    ports = Ports()
    given = [ports.take() for _ in range(20)]
    given += [ports.take(given[0]) for _ in range(3)]

    assert len(set(given)) == 23


def test_a_port_out_of_range_is_not_free() -> None:
    assert not is_free(70_000)


def test_refuses_a_taken_port_that_the_user_insists_on(taken: int) -> None:
    with pytest.raises(CliError, match=f"Port {taken} is taken by another program"):
        LocalPorts.take(taken)


def test_any_port_means_any_port_for_everything() -> None:
    ports = LocalPorts.take(0)

    assert LocalPorts.take(None).api >= 8000
    assert not {ports.api, ports.smtp, ports.mail_page} & {8000, 1025, 8025}
