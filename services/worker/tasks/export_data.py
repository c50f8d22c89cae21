"""Exports a large table, in a child process."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from services.worker.reports import making
from services.worker.reports.from_contract import column_orders
from services.worker.reports.orders import ConditionOrder, TableOrder
from shared.contracts.tasks.export_data import DataExported, ExportData
from shared.errors import StoredFileNotFoundError, UnrecoverableError

if TYPE_CHECKING:
    from services.worker.context import JobContext

#: A million rows take minutes of processor time as XLSX without the fast writer.
_LIMITS = making.Limits(memory_mb=1024, cpu_s=600)


def run(data: ExportData, context: JobContext) -> DataExported:
    """Export what fits, and store it."""
    stem = data.name or _stem(data.source, context)
    packed = data.compress == "gzip"
    made = making.make(
        TableOrder(
            format=data.format,
            title=stem,
            columns=column_orders(data.columns),
            where=[
                ConditionOrder(column=one.column, test=one.test, value=one.value)
                for one in data.where
            ],
            is_packed=packed,
            is_plain=True,
        ),
        name=making.file_name(stem, f"{data.format}.gz" if packed else data.format),
        context=context,
        source_id=data.source,
        limits=_LIMITS,
    )
    return DataExported(
        file=made.file,
        rows_read=made.said.read,
        rows=made.said.rows,
        bytes=made.file.size,
    )


def _stem(file_id: str, context: JobContext) -> str:
    try:
        return PurePath(context.storage.stat(file_id).name).stem
    except StoredFileNotFoundError:
        message = f"There is no file {file_id}; upload the table first."
        raise UnrecoverableError(message) from None
