"""Every error of the project, as one tree.

NightshiftError
├── ConfigurationError
├── ContractError
│   ├── UnknownTaskError
│   └── InvalidDataError
├── BrokerError
│   ├── RedisUnavailableError
│   │   └── NotConfirmedError
│   ├── RedisFullError
│   ├── RecordTypeError
│   └── InvalidNameError
├── StorageError
│   ├── StoredFileNotFoundError
│   └── StoredFileTooLargeError
└── TaskError
    ├── UnrecoverableError
    └── RetryLaterError
"""

from __future__ import annotations

from dataclasses import dataclass


class NightshiftError(Exception):
    """Raised when anything of ours fails; the base of the tree."""


class ConfigurationError(NightshiftError):
    """Raised when a setting is missing or nonsense; the message names it."""


class ContractError(NightshiftError):
    """Raised when a request does not fit a task's contract."""


class UnknownTaskError(ContractError):
    """Raised when no contract has the given name."""

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        """Remember the unknown `name` and the names that exist."""
        self.name = name
        self.known = known
        hint = f"; known tasks: {', '.join(known)}" if known else ""
        super().__init__(f"There is no task named {name!r}{hint}.")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a document.

    Attributes:
        pointer: Where, as a JSON pointer (RFC 6901), such as `/data/to`.
        detail: What is wrong, as a sentence fragment.
    """

    pointer: str
    detail: str


class InvalidDataError(ContractError):
    """Raised when data breaks its model; `problems` lists every breach."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Remember all problems, in document order."""
        self.problems = problems
        text = "; ".join(f"{p.pointer or '/'}: {p.detail}" for p in problems)
        super().__init__(text)


class BrokerError(NightshiftError):
    """Raised when the broker can't do what was asked."""


class RedisUnavailableError(BrokerError):
    """Raised when Redis can't be reached, times out or is loading its data."""


class NotConfirmedError(RedisUnavailableError):
    """Raised when Redis took a job but did not confirm that it is safe."""


class RedisFullError(BrokerError):
    """Raised when Redis refuses a write because its memory limit is reached."""


class RecordTypeError(BrokerError):
    """Raised when one of our keys holds another type than ours."""


class InvalidNameError(BrokerError):
    """Raised when a queue name or a job id is outside the allowed alphabet."""


class StorageError(NightshiftError):
    """Raised when the file store can't do what was asked."""


class StoredFileNotFoundError(StorageError):
    """Raised when no stored file has the given id."""


class StoredFileTooLargeError(StorageError):
    """Raised when a file exceeds the size limit."""


class TaskError(NightshiftError):
    """Raised by task code to say how its failure is to be treated."""


class UnrecoverableError(TaskError):
    """Raised by a task when another attempt can't help: the job fails at once."""


class RetryLaterError(TaskError):
    """Raised by a task that knows when to come back, as with `Retry-After`."""

    def __init__(
        self, message: str, *, delay_ms: int, uses_attempt: bool = True
    ) -> None:
        """Ask for the next attempt after `delay_ms` milliseconds.

        With `uses_attempt=False` this one does not count: for a task that did not get
        to its work, or that did a part of it. See to it that this comes to an end.
        """
        self.delay_ms = delay_ms
        self.uses_attempt = uses_attempt
        super().__init__(message)
