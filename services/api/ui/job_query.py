"""The filters of a list of jobs, as they stand in an address and in a form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from services.api import query
from services.api.errors import InvalidParameterError
from services.api.request_body import check_json
from services.api.schemas import JobFilter
from shared import clock
from shared.errors import InvalidDataError
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Filters that are plain texts.
TEXTS = ("q", "name", "tag", "group", "error")
#: Spans of time to choose from, in milliseconds.
SPANS = {
    "15m": 15 * 60_000,
    "1h": 3_600_000,
    "6h": 6 * 3_600_000,
    "24h": 24 * 3_600_000,
    "7d": 7 * 86_400_000,
}
_TIMES = ("since", "until")
_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """What somebody looks for.

    Attributes:
        state: The state's tab.
        fields: The filters as they were written, without empty ones.
        wanted: The same as the API's filter, without the state.
    """

    state: JobState
    fields: Mapping[str, str]
    wanted: JobFilter

    @classmethod
    def read(cls, given: Mapping[str, str], *, usual: JobState) -> JobQuery:
        """Read it from an address or a form.

        Args:
            given: The parameters.
            usual: The state when none is given.

        Raises:
            InvalidParameterError: One of them makes no sense.
        """
        state = _state(given.get("state", ""), usual)
        names = (*TEXTS, "within", *_TIMES)
        fields = {name: text for name in names if (text := given.get(name, "").strip())}
        document: dict[str, Any] = {n: fields[n] for n in TEXTS if n in fields}
        if "within" in fields:
            span_ms = SPANS.get(fields["within"])
            if span_ms is None:
                raise InvalidParameterError("within", "should be one of the list")
            document["since"] = clock.now_ms() - span_ms
        document |= {n: _time(n, fields[n]) for n in _TIMES if n in fields}
        return cls(state=state, fields=fields, wanted=_filter(document))

    @property
    def is_everything(self) -> bool:
        """Whether all jobs of the state are meant."""
        return not self.fields

    @property
    def more(self) -> int:
        """How many filters stand in the menu."""
        return len(self.fields.keys() & {"error", "tag", "group", "since", "until"})

    def address(self, **changes: str) -> dict[str, str]:
        """Return the parameters of an address that shows this, with changes."""
        return {"state": self.state.value, **self.fields, **changes}

    def in_state(self) -> JobFilter:
        """Return the filter with its state, for an action on all that fit."""
        return self.wanted.model_copy(update={"states": (self.state,)})


def _state(text: str, usual: JobState) -> JobState:
    if not text:
        return usual
    try:
        return JobState(text)
    except ValueError:
        raise InvalidParameterError("state", "is no state of a job") from None


def _filter(document: dict[str, Any]) -> JobFilter:
    text = msgspec.json.encode(document)
    try:
        check_json(text)
        return JobFilter.parse(text)
    except InvalidDataError as error:
        raise query.invalid(error) from None


def _time(name: str, text: str) -> int:
    """Return epoch milliseconds of a time in UTC, such as `2026-11-22T08:00`."""
    try:
        moment = datetime.fromisoformat(text[:_LONGEST])
    except ValueError:
        detail = "should be a time such as 2026-11-22T08:00, in UTC"
        raise InvalidParameterError(name, detail) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return max(0, round(moment.timestamp() * 1000))
    except (OverflowError, ValueError):
        raise InvalidParameterError(name, "is too far away") from None
