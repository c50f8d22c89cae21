"""From what people wrote to a schedule, or to the list of what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared.errors import InvalidDataError, Problem
from shared.jobs.options import JobOptions
from shared.schedules.cron import CronRule, EveryRule, check_zone
from shared.schedules.schedule import Schedule, is_schedule_id
from shared.schedules.timetable import Timetable, offset_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.contracts.catalogue import AnyContract
    from shared.schedules.cron import Rule
    from shared.schedules.definition import ScheduleDefinition, Template

    T = TypeVar("T")

MAX_DATA_BYTES = 64 * 1024
#: What the API shows in the place of a secret; it must not become one.
REDACTED = "[redacted]"


def checked(
    schedule_id: str,
    definition: ScheduleDefinition,
    catalogue: Mapping[str, AnyContract],
) -> Schedule:
    """Return the schedule that `definition` describes.

    Raises:
        InvalidDataError: When it is nonsense; every reason with its position.
    """
    check = _Check(definition, catalogue)
    schedule = check.run(schedule_id)
    if schedule is None or check.problems:
        raise InvalidDataError(tuple(check.problems))
    return schedule


class _Check:
    """Collects what is wrong, so that one answer tells all of it."""

    def __init__(
        self, definition: ScheduleDefinition, catalogue: Mapping[str, AnyContract]
    ) -> None:
        self._definition = definition
        self._catalogue = catalogue
        self.problems: list[Problem] = []

    def run(self, schedule_id: str) -> Schedule | None:
        if not is_schedule_id(schedule_id):
            self._note(
                "/id",
                "a schedule's id starts with a letter and has at most 64 letters, "
                "digits, underscores, hyphens and dots",
            )
        wish = self._definition
        timetable = self._timetable(schedule_id)
        contract = self._contract(wish.template)
        options = self._options(wish.template)
        data = self._data(wish.template, contract)
        if timetable is None or contract is None or options is None or data is None:
            return None
        return Schedule(
            id=schedule_id,
            timetable=timetable,
            queue=contract.queue,
            name=contract.name,
            data=data,
            options=options,
            limit=wish.limit,
            misfire=wish.misfire,
            misfire_cap=wish.misfire_cap,
            grace_ms=wish.grace,
            overlap=wish.overlap,
            pause_after_failures=wish.pause_after_failures,
        )

    def _note(self, pointer: str, detail: str) -> None:
        self.problems.append(Problem(pointer, detail))

    def _tried(self, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except InvalidDataError as error:
            self.problems.extend(error.problems)
            return None

    def _timetable(self, schedule_id: str) -> Timetable | None:
        wish = self._definition
        rule = self._rule()
        start, end = wish.start_date, wish.end_date
        if start is not None and end is not None and end < start:
            self._note("/endDate", "is before startDate")
            return None
        if rule is None:
            return None
        offset_ms = offset_of(schedule_id, jitter_ms=wish.jitter)
        timetable = Timetable(
            rule=rule, start_ms=start, end_ms=end, offset_ms=offset_ms
        )
        if end is not None and timetable.next_after((start or 1) - 1) is None:
            self._note("/endDate", "no slot comes before it")
            return None
        return timetable

    def _rule(self) -> Rule | None:
        wish = self._definition
        pattern, every = wish.pattern, wish.every
        is_zone = self._tried(lambda: check_zone(wish.tz))
        if pattern is not None and every is not None:
            self._note("/every", "give either pattern or every, not both")
        elif pattern is not None:
            tz = wish.tz if is_zone else "UTC"
            return self._tried(lambda: CronRule(pattern, tz))
        elif every is not None:
            anchor = wish.start_date or 0
            return self._tried(lambda: EveryRule(every, anchor_ms=anchor))
        else:
            self._note("/pattern", "give a pattern, or every in milliseconds")
        return None

    def _contract(self, template: Template) -> AnyContract | None:
        contract = self._catalogue.get(template.name)
        if contract is None:
            known = ", ".join(sorted(self._catalogue))
            self._note(
                "/template/name",
                f"there is no task named {template.name!r}; known tasks: {known}",
            )
        elif template.queue not in (None, contract.queue):
            self._note(
                "/template/queue",
                f"jobs of {contract.name!r} wait in {contract.queue!r}",
            )
        return contract

    def _options(self, template: Template) -> JobOptions | None:
        document = msgspec.json.encode(template.opts)
        options = self._tried(
            lambda: JobOptions.parse(document, pointer="/template/opts")
        )
        if options is not None and options.job_id is not None:
            self._note("/template/opts/jobId", "the slot names the job; leave it out")
        return options

    def _data(self, template: Template, contract: AnyContract | None) -> bytes | None:
        document = msgspec.json.encode(template.data)
        if len(document) > MAX_DATA_BYTES:
            self._note("/template/data", f"is larger than {MAX_DATA_BYTES} bytes")
            return None
        if contract is None:
            return None
        for name in contract.redacted:
            alias = contract.data.model_fields[name].alias or name
            if REDACTED in (template.data.get(name), template.data.get(alias)):
                self._note(f"/template/data/{alias}", "write the secret itself")
        found = self._tried(
            lambda: contract.data.parse(document, pointer="/template/data")
        )
        return None if found is None else found.dump()
