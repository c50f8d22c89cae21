"""A pipeline of a Cluster's client: split by node, the answers in the order asked."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

import redis
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError

if TYPE_CHECKING:
    from shared.broker.cluster_client import ClusterClient

_REDIRECTIONS = (AskError, TryAgainError)
Command = tuple[tuple[Any, ...], dict[str, Any]]
T = TypeVar("T")


def send_together(
    node: redis.Redis, commands: list[Command], *, is_asking: bool = False
) -> list[Any]:
    """Send commands to one node, on one connection; errors are among the answers."""
    asking: list[Command] = [(("ASKING",), {})] if is_asking else []
    batch = node.pipeline(transaction=False)
    batch.command_stack = [*asking, *commands]
    return batch.execute(raise_on_error=False)[len(asking) :]


def told(answer: T) -> T:
    """Return an answer, or raise it when it is an error."""
    if isinstance(answer, Exception):
        raise answer
    return answer


class ClusterPipeline(redis.client.Pipeline):
    """Collects commands and sends them.

    A command without a key travels with the one before it, on the same connection, as
    WAIT must; one at the very beginning with the first that has a key.
    """

    def __init__(self, client: ClusterClient, *, transaction: bool) -> None:
        """Send through `client`; `transaction` makes all of it one, in one slot."""
        super().__init__(
            client.connection_pool, client.response_callbacks, transaction, None
        )
        self._client = client
        self._is_whole = transaction

    def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 - redis-py's signature
        """Send what was collected; return the answers.

        Raises:
            redis.exceptions.RedisError: When a node can't be reached, or, with
                `raise_on_error`, the first error among the answers.
        """
        if self._is_whole or self.explicit_transaction or self.watching:
            return self._execute_in_one_slot(raise_on_error=raise_on_error)
        commands: list[Command] = self.command_stack
        self.load_scripts()
        self.reset()
        answers = self._execute_apart(commands) if commands else []
        if raise_on_error:
            self.raise_first_error(commands, answers)  # type: ignore[no-untyped-call]  # see there
        return answers

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Send WATCH, or a command after it, at once.

        Raises:
            redis.exceptions.WatchError: When the keys are somewhere else meanwhile:
                begin again.
        """
        if self.connection is None:
            self._move_to(args)
        try:
            return super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]  # the driver's
        except MovedError as error:
            self._learn(error)
            self.reset()
            message = "The watched keys have moved to another node."
            raise redis.exceptions.WatchError(message) from error

    def load_scripts(self) -> None:
        """Let every master load the scripts that were collected."""
        for script in self.scripts:
            self._client.script_load(script.script)

    def _execute_in_one_slot(self, *, raise_on_error: bool) -> list[Any]:
        commands, was_watching = self.command_stack, self.watching
        if self.connection is None and commands:
            self._move_to(commands[0][0])
        try:
            return super().execute(raise_on_error)
        except MovedError as error:
            # Refused while it was collected on the server: nothing was done.
            self._learn(error)
            if was_watching:
                message = "The watched keys have moved to another node."
                raise redis.exceptions.WatchError(message) from error
        except redis.exceptions.RedisError as error:
            self._learn(error)
            raise
        self.command_stack = commands
        self._move_to(commands[0][0])
        return super().execute(raise_on_error)

    def _execute_apart(self, commands: list[Command]) -> list[Any]:
        client = self._client
        units = self._units(commands)
        by_node: defaultdict[redis.Redis, list[list[int]]] = defaultdict(list)
        for slot, places in units:
            by_node[client.node_of(slot)].append(places)
        answers: list[Any] = [None] * len(commands)
        for node, lists in by_node.items():
            order = [place for places in lists for place in places]
            try:
                found = send_together(node, [commands[place] for place in order])
            except redis.exceptions.RedisError as error:
                client.learn(error, node)
                raise
            for place, answer in zip(order, found, strict=True):
                answers[place] = answer
                if isinstance(answer, ClusterDownError):
                    client.learn(answer, node)
        for slot, places in units:
            if any(isinstance(answers[place], _REDIRECTIONS) for place in places):
                again = self._execute_again(slot, [commands[p] for p in places])
                for place, answer in zip(places, again, strict=True):
                    answers[place] = answer
        return answers

    def _execute_again(self, slot: int, commands: list[Command]) -> list[Any]:
        """Send a command, and those that travel with it, after a redirection."""

        def send(node: redis.Redis, *, is_asking: bool) -> list[Any]:
            answers = send_together(node, commands, is_asking=is_asking)
            for answer in answers:
                if isinstance(answer, _REDIRECTIONS):
                    raise answer
            return answers

        try:
            return self._client.redirected(slot, send)
        except _REDIRECTIONS as error:
            return [error] * len(commands)

    def _units(self, commands: list[Command]) -> list[tuple[int, list[int]]]:
        """Return the slot and the places of commands that must travel together."""
        units: list[tuple[int, list[int]]] = []
        leading: list[int] = []
        for place, (args, _) in enumerate(commands):
            slot = self._client.slot_of(args)
            if slot is not None:
                units.append((slot, [*leading, place]))
                leading = []
            elif units:
                units[-1][1].append(place)
            else:
                leading.append(place)
        return units or [(0, leading)]

    def _move_to(self, args: tuple[Any, ...]) -> None:
        slot = self._client.slot_of(args)
        node = self._client.node_of(0 if slot is None else slot)
        self.connection_pool = node.connection_pool

    def _learn(self, error: Exception) -> None:
        self._client.learn(error, redis.Redis(connection_pool=self.connection_pool))
