"""Removes stored files that belong to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker.cleanup import mentions
from services.worker.cleanup.broom import DAY_MS, Broom
from shared import clock

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.cleaning import Cleaned
    from shared.contracts.tasks.orphaned_artifacts import OrphanedArtifacts
    from shared.storage.holdings import Held, Holdings


def run(data: OrphanedArtifacts, context: JobContext) -> Cleaned:
    """Remove halves of files, then old files that no job mentions."""
    broom = Broom(context, dry_run=data.dry_run)
    holdings = context.storage.holdings
    now_ms = clock.now_ms()
    # In this order: whatever is written meanwhile has its description before we look.
    contents = {held.id: held for held in holdings.contents()}
    described = {held.id: held for held in holdings.descriptions()}
    broom.examined = len(contents.keys() | described.keys())
    staged = holdings.discard_staged(before_ms=now_ms - DAY_MS, dry_run=data.dry_run)
    for name, size in staged:
        broom.examined += 1
        broom.swept(name, size=size)
    halves = {
        i: contents.get(i) or described[i] for i in contents.keys() ^ described.keys()
    }
    _sweep(halves, now_ms - DAY_MS, holdings, broom)
    if not data.keep_unmentioned:
        before_ms = now_ms - data.days_old * DAY_MS
        whole = {i: contents[i] for i in contents.keys() & described.keys()}
        old = {i: held for i, held in whole.items() if held.written_ms < before_ms}
        unmentioned = set(old)
        mentions.forget_mentioned(unmentioned, context.inspector, broom)
        if not broom.must_stop:
            left = {i: old[i] for i in unmentioned}
            _sweep(left, before_ms, holdings, broom)
    return broom.result()


def _sweep(
    files: dict[str, Held], before_ms: int, holdings: Holdings, broom: Broom
) -> None:
    for held in files.values():
        if broom.must_stop:
            return
        if held.written_ms < before_ms:
            if not broom.dry_run:
                holdings.discard(held.id)
            broom.swept(held.id, size=held.size)
