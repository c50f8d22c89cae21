"""A table as CSV, XLSX and PDF, a filtered export, counts of events, the week."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import service

MONTHS = ("January", "February", "March", "April", "May", "June")
SALES = [
    {
        "month": month,
        "tea": 1200 + 130 * number,
        "coffee": 1900 - 90 * number,
        # A spreadsheet must not take this for a formula.
        "remark": "=1+1" if number == 2 else "",  # noqa: PLR2004
    }
    for number, month in enumerate(MONTHS)
]
COLUMNS = [
    {"key": "month", "label": "Month"},
    {"key": "tea", "label": "Tea", "type": "integer", "total": True},
    {"key": "coffee", "label": "Coffee", "type": "integer", "total": True},
    {"key": "remark", "label": "Remark", "type": "text"},
]


def main() -> None:
    """Make all of them."""
    reports()
    exports()
    events()
    week()


def reports() -> None:
    """Make one table in three formats."""
    chart = {"kind": "bar", "title": "Sales", "x": "month", "y": ["tea", "coffee"]}
    for name in ("csv", "xlsx", "pdf"):
        made = service.run(
            "report",
            "generate-report",
            {
                "format": name,
                "title": "Sales of the half-year",
                "rows": SALES,
                "columns": COLUMNS,
                "charts": [chart] if name == "pdf" else [],
            },
        )
        service.save(made["file"], f"sales.{name}")


def exports() -> None:
    """Take the expensive rows of a large file, packed and as a workbook."""
    rows = (
        {"id": number, "city": ("Oslo", "Lima")[number % 2], "price": number % 500}
        for number in range(20_000)
    )
    lines = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    source = service.upload(lines, "orders.jsonl", "application/x-ndjson")
    where = [{"column": "price", "test": "ge", "value": 490}]
    for wish in ({"format": "csv", "compress": "gzip"}, {"format": "xlsx"}):
        made = service.run(
            "report", "export-data", {"source": source, "where": where, **wish}
        )
        service.save(made["file"])
        print(f"  {made['rows']:,} of {made['rowsRead']:,} rows")


def events() -> None:
    """Count orders per day, all and by their plan."""
    orders = [
        {"name": "order.paid", "value": value, "properties": {"plan": plan}}
        for value, plan in ((10, "pro"), (2.5, "free"), (30, "pro"))
    ]
    counted = service.run("report", "aggregate-analytics", {"events": orders})
    for series in counted["series"]:
        print(f"  {series['time']} {series['name']}: {series['count']} times")


def week() -> None:
    """Send the service's own week, as far as it has come."""
    today = datetime.now(UTC).date().isoformat()
    made = service.run(
        "report", "weekly-report", {"to": ["team@example.com"], "week": today}
    )
    service.save(made["file"], "week.pdf")
    service.end("email", made["mailJob"])


if __name__ == "__main__":
    main()
