"""A call as a job describes it: checks, pace, circuit and redirects."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx2

from services.worker.egress import credentials, hosts, pace, rates
from services.worker.egress.circuit import Circuit
from services.worker.egress.client import checked_url, place_of
from services.worker.egress.exchange import NoAnswerError, Outgoing, Reach, exchange
from shared.errors import RetryLaterError, UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.worker.context import JobContext
    from services.worker.egress.exchange import Answer

#: Longest time from the look-up of the host to the end of its answer, in seconds.
CALL_S = 30.0
_MOVED = frozenset({301, 302, 303, 307, 308})
#: Redirects after which a request keeps its method and body.
_KEEPS_METHOD = frozenset({307, 308})
_SERVERS_FAULT = 500
#: Headers that only the first host is to see.
_PRIVATE = frozenset({"authorization", "cookie", "idempotency-key"})


@dataclass(frozen=True)
class Final:
    """The answer at the end of all redirects, and where it came from."""

    answer: Answer
    url: str


@contextmanager
def call(outgoing: Outgoing, *, redirects: int, context: JobContext) -> Iterator[Final]:
    """Send the request and lend the answer.

    Raises:
        UnrecoverableError: When a host may not be called, or there is a redirect
            too many.
        RetryLaterError: When the host is to be called later.
        NoAnswerError: When there is no answer.
    """
    deadline = min(context.deadline, time.monotonic() + CALL_S)
    for left in range(redirects, -1, -1):
        with _one(outgoing, deadline, context) as answer:
            where = answer.headers.get("location", "")
            is_moved = answer.status in _MOVED and where
            if not is_moved or redirects == 0:
                yield Final(answer, outgoing.url)
                return
        if left == 0:
            break
        outgoing = _moved(outgoing, answer.status, where)
    message = f"The server redirected more than {redirects} times."
    raise UnrecoverableError(message)


@contextmanager
def _one(outgoing: Outgoing, deadline: float, context: JobContext) -> Iterator[Answer]:
    settings = context.settings
    allow_private = settings.nightshift_webhook_allow_private
    target = checked_url(outgoing.url, allow_private=allow_private)
    _check_host(target, context)
    place = place_of(target)
    circuit = Circuit(context.memory, place)
    wait_ms = circuit.wait_ms()
    if wait_ms:
        message = f"{place} failed several times in a row and is left alone for now."
        raise RetryLaterError(message, delay_ms=wait_ms)
    rate = rates.rate_of(target.host, settings.http_rates)
    if rate is not None:
        pace.wait_for_turn(target.host, rate, context)
    secret = credentials.headers_for(target.host, settings.http_headers)
    outgoing = replace(outgoing, headers={**outgoing.headers, **secret})
    reach = Reach(deadline=deadline, allow_private=allow_private)
    try:
        with exchange(outgoing, reach=reach, who=place) as answer:
            if answer.status >= _SERVERS_FAULT and not answer.headers.get(
                "retry-after"
            ):
                circuit.failed()
            else:
                circuit.succeeded()
            yield answer
    except NoAnswerError:
        circuit.failed()
        raise


def _check_host(target: httpx2.URL, context: JobContext) -> None:
    allowed = context.settings.http_allowed_hosts
    if not hosts.is_allowed(target.host, allowed):
        message = (
            f"The host {target.host!r} is not called: add it to "
            "NIGHTSHIFT_HTTP_ALLOWED_HOSTS of the worker."
        )
        raise UnrecoverableError(message)


def _moved(outgoing: Outgoing, status: int, where: str) -> Outgoing:
    source = checked_url(outgoing.url, allow_private=True)
    try:
        target = source.join(where)
    except httpx2.InvalidURL:
        message = "The server redirected to an address that can't be read."
        raise UnrecoverableError(message) from None
    headers = {name.lower(): value for name, value in outgoing.headers.items()}
    if (source.scheme, source.netloc) != (target.scheme, target.netloc):
        headers = {n: v for n, v in headers.items() if n not in _PRIVATE}
    if status in _KEEPS_METHOD or outgoing.method in ("GET", "HEAD"):
        return replace(outgoing, url=str(target), headers=headers)
    headers = {n: v for n, v in headers.items() if not n.startswith("content-")}
    return Outgoing(method="GET", url=str(target), headers=headers)
