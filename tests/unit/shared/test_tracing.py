"""Traces go on without an exporter, and strangers' headers are checked."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from shared import tracing
from shared.jobs.options import JobOptions

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def test_a_sound_header_is_accepted() -> None:
    assert tracing.accepted(TRACEPARENT) == TRACEPARENT


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "x" * 10_000,
        TRACEPARENT.upper(),
        TRACEPARENT + "\n",
        TRACEPARENT.replace("00-", "ff-", 1),
        TRACEPARENT.replace(TRACE_ID, "0" * 32),
        TRACEPARENT.replace("00f067aa0ba902b7", "0" * 16),
        TRACEPARENT + "-more",
    ],
)
def test_anything_else_is_no_trace(header: str | None) -> None:
    assert tracing.accepted(header) == ""


def test_without_an_exporter_the_trace_goes_on_and_ends_with_the_block() -> None:
    with tracing.span("outer", tracing.Kind.SERVER, parent=TRACEPARENT) as span:
        span.note(jobs=3)
        span.fail("error")
        with tracing.span("inner", tracing.Kind.PRODUCER):
            assert tracing.current() == TRACEPARENT
    assert tracing.current() == ""


def test_a_log_line_tells_the_trace_it_belongs_to() -> None:
    line: dict[str, Any] = {"event": "x"}
    with tracing.span("run", tracing.Kind.CONSUMER, parent=TRACEPARENT):
        tracing.add_trace(None, "info", line)
    assert line["trace_id"] == TRACE_ID
    assert "trace_id" not in tracing.add_trace(None, "info", {"event": "y"})


def test_options_take_the_present_trace_unless_the_caller_named_one() -> None:
    other = TRACEPARENT.replace("4bf9", "aaaa")

    assert b"trace" not in JobOptions().with_trace("").dump()
    assert JobOptions.parse(JobOptions().with_trace(other).dump()).trace == other
    assert JobOptions(trace=TRACEPARENT).with_trace(other).trace == TRACEPARENT


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("opentelemetry", "tracing.configure(endpoint='x', **names)"),
        ("sentry_sdk", "error_reports.configure(dsn='x', **names)"),
    ],
)
def test_without_its_library_a_setting_is_refused(module: str, call: str) -> None:
    program = f"""
import sys
sys.modules[{module!r}] = None
from shared import error_reports, tracing
names = dict(service="api", version="1")
{call}
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    last = done.stderr.splitlines()[-1]
    assert "ConfigurationError" in last
    # Not by the project's name: a stranger's package has it on the index.
    assert "install requirements/observability.txt" in last


def test_a_service_without_settings_imports_neither_library() -> None:
    program = """
import sys
import services.api.app, services.scheduler.main, services.worker.main
print([name for name in ("shared.tracing.otlp", "sentry_sdk") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
