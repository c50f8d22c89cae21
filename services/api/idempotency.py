"""`Idempotency-Key`: a request that is sent twice is carried out once."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from flask import Response, request

from services.api.auth import principal
from services.api.errors import InvalidParameterError, answer_for
from services.api.json_answer import raw_json
from shared import logging
from shared.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.stores.idempotency import IdempotencyStore, Stored

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
#: A structured-field string, or its content alone as many clients send it.
_VALUE = re.compile(r'"[ !#-\[\]-~]{1,255}"|[!#-+\--~]{1,255}')

_log = logging.get(__name__)


@dataclass(frozen=True)
class Idempotency:
    """Carries requests out once per key."""

    store: IdempotencyStore

    def once(self, body: bytes, act: Callable[[str | None], Response]) -> Response:
        """Return what `act` answers, or what it answered to this key before.

        Args:
            body: The request's body, checked to be JSON.
            act: Carries the request out; it gets a seed for ids, the same at every
                try with this key, or None when there is no key.

        Raises:
            RequestError: The key is not usable, belongs to another request, or its
                first request is not answered yet.
        """
        value = request.headers.get(HEADER)
        if value is None:
            return act(None)
        key = _name(value)
        begun = self.store.begin(key, _fingerprint(body))
        if begun.stored.status:
            return _replayed(begun.stored)
        try:
            response = act(begun.stored.seed)
        except Exception as error:
            self._give_up(key, was_done=not begun.is_first or _may_be_done(error))
            raise
        self._keep(key, begun.stored, response)
        return response

    def _keep(self, key: str, stored: Stored, response: Response) -> None:
        # A part of a bulk may have failed for want of Redis: that part may be tried
        # again, and the others keep their ids.
        if response.headers.pop("X-Incomplete", None):
            self._give_up(key, was_done=True)
            return
        answered = msgspec.structs.replace(
            stored,
            status=response.status_code,
            location=response.headers.get("Location", ""),
            body=msgspec.Raw(response.get_data()),
        )
        try:
            self.store.finish(key, answered)
        except BrokerError as error:
            # The job exists. A retry finds it by the seed once the mark has expired.
            _log.warning("idempotent_answer_not_kept", reason=str(error))

    def _give_up(self, key: str, *, was_done: bool) -> None:
        try:
            (self.store.release if was_done else self.store.forget)(key)
        except BrokerError as error:
            _log.warning("idempotency_key_not_released", reason=str(error))


def _name(value: str) -> str:
    if not _VALUE.fullmatch(value):
        detail = 'should be a text of 1 to 255 ASCII characters, such as "4f7c-19"'
        raise InvalidParameterError(HEADER, detail)
    text = value.strip('"')
    owned = f"{principal().id}\n{text}"
    return hashlib.sha256(owned.encode()).hexdigest()[:40]


def _fingerprint(body: bytes) -> str:
    # Sorted keys: the same document in another spelling is the same request.
    canonical = msgspec.json.encode(msgspec.json.decode(body), order="sorted")
    head = f"{request.method} {request.path}\n".encode()
    return hashlib.sha256(head + canonical).hexdigest()


def _may_be_done(error: Exception) -> bool:
    return answer_for(error).status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _replayed(stored: Stored) -> Response:
    headers = {REPLAYED: "true"}
    if stored.location:
        headers["Location"] = stored.location
    return raw_json(bytes(stored.body), status=stored.status, headers=headers)
