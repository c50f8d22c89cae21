"""Turns what a contract holds into what a report's child is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker.reports.orders import ColumnOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.tables import Column


def column_orders(columns: Sequence[Column] | None) -> list[ColumnOrder] | None:
    """Return the columns that a job asks for; None when it leaves them open."""
    if columns is None:
        return None
    return [
        ColumnOrder(
            key=column.key,
            label=column.label or column.key,
            type=column.type,
            total=column.total,
        )
        for column in columns
    ]
