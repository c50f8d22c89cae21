from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.worker.webhooks.retry_after import MAX_DELAY_MS, delay_ms

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0),
        ("120", 120_000),
        (" 5 ", 5_000),
        ("9" * 5000, MAX_DELAY_MS),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60_000),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 22 Nov 2026 13:01:00 +0100", 60_000),
        ("Fri, 22 Nov 2126 11:00:00 GMT", MAX_DELAY_MS),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(
    header: str, expected: int | None
) -> None:
    assert delay_ms(header, now=NOW) == expected
