"""A client whose first replies get lost on their way, after Redis has done the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis

if TYPE_CHECKING:
    from collections.abc import Callable


class LossyClient:
    """Passes scripts on to a real server and loses the first replies."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        losses: int = 1,
        before_next: Callable[[], object] = lambda: None,
    ) -> None:
        """Lose `losses` replies; `before_next` happens after each loss."""
        self._client = client
        self.losses = losses
        self._before_next = before_next
        self.sent = 0

    def evalsha(self, *arguments: Any) -> Any:
        """Call a script by its SHA-1."""
        return self._pass_on(self._client.evalsha, arguments)

    def eval(self, *arguments: Any) -> Any:
        """Call a script by its text."""
        return self._pass_on(self._client.eval, arguments)

    def _pass_on(self, send: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        reply = send(*arguments)
        self.sent += 1
        if self.sent <= self.losses:
            self._before_next()
            message = "the reply got lost"
            raise redis.exceptions.ConnectionError(message)
        return reply
