"""How schedules are shown over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.schedules.checking import REDACTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.contracts.catalogue import AnyContract
    from shared.schedules.definition import Template
    from shared.schedules.preview import Run
    from shared.schedules.record import StoredSchedule
    from shared.schedules.store import LedgerLine

_WHOLE_NUMBERS = frozenset({"slot", "firstSlot", "count", "latenessMs"})


def schedule_document(
    stored: StoredSchedule, catalogue: Mapping[str, AnyContract]
) -> dict[str, Any]:
    """Return a schedule without what its task's contract keeps secret."""
    definition, progress = stored.definition, stored.progress
    document = definition.model_dump(mode="json", by_alias=True)
    document["template"] = _template(definition.template, catalogue)
    return {
        "id": stored.id,
        "status": stored.status,
        "paused": bool(progress.paused),
        "pausedReason": progress.paused or None,
        "trouble": progress.trouble or None,
        "origin": stored.origin.value,
        "revision": progress.revision,
        "created": stored.created_ms,
        "updated": stored.updated_ms,
        "fired": progress.fired,
        "lastSlot": progress.recent[-1] if progress.recent else None,
        "next": progress.due_ms,
        **document,
    }


def runs_document(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return a preview: each slot's job, due time, UTC offset included."""
    return [run._asdict() for run in runs]


def line_document(line: LedgerLine) -> dict[str, Any]:
    """Return a line of the ledger; `at` is when it was written, epoch ms."""
    fields: dict[str, Any] = {
        name: int(value) if name in _WHOLE_NUMBERS else value
        for name, value in line.fields.items()
    }
    return {"id": line.id, "at": int(line.id.partition("-")[0]), **fields}


def _template(
    template: Template, catalogue: Mapping[str, AnyContract]
) -> dict[str, Any]:
    contract = catalogue.get(template.name)
    document = template.model_dump(mode="json", by_alias=True)
    if contract is None:
        return document
    document["queue"] = contract.queue
    fields = contract.data.model_fields
    secret = {
        name
        for field in contract.redacted
        for name in (field, fields[field].alias if field in fields else None)
        if name
    }
    document["data"] = {
        name: REDACTED if name in secret else value
        for name, value in template.data.items()
    }
    return document
