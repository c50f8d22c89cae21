"""Logs are JSON, one line per event, whatever is logged and from wherever."""

from __future__ import annotations

import io
import json
import logging as standard
import threading
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from shared import logging

if TYPE_CHECKING:
    from collections.abc import Iterator


class Written:
    """What the logs say."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def only(self) -> dict[str, Any]:
        [line] = self.lines()
        return line


@pytest.fixture
def written() -> Iterator[Written]:
    """Logs of a service called `test`; afterwards all is as it was."""
    root = standard.getLogger()
    handlers, level = root.handlers[:], root.level
    found = Written()
    logging.configure(service="test", stream=found.stream)
    yield found
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_an_event_is_one_line_of_json_with_its_data(written: Written) -> None:
    logging.get("a").info("job_claimed", job_id="j1", n=3)
    line = written.only()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "job_claimed",
        "job_id": "j1",
        "level": "info",
        "n": 3,
        "service": "test",
    }


def test_the_records_of_libraries_look_the_same(written: Written) -> None:
    standard.getLogger("some.library").warning("took %d ms", 5)
    line = written.only()
    assert line["event"] == "took 5 ms"
    assert line["logger"] == "some.library"
    assert line["level"] == "warning"
    assert line["service"] == "test"
    assert "timestamp" in line


@pytest.mark.parametrize("text", ["a\nb", 'a"}\n{"event":"forged"', "\r\x00\u2028é"])
def test_no_text_forges_a_line(text: str, written: Written) -> None:
    logging.get("a").info(text, field=text)
    standard.getLogger("library").info("%s", text)
    assert written.stream.getvalue().count("\n") == 2
    own, foreign = (json.loads(x) for x in written.stream.getvalue().split("\n")[:2])
    assert own["event"] == own["field"] == text
    assert foreign["event"] == text


def boom() -> None:
    raise ValueError("several\nlines")


def test_a_traceback_stays_on_the_line(written: Written) -> None:
    try:
        boom()
    except ValueError:
        logging.get("a").exception("it_failed")
        standard.getLogger("library").exception("it failed, too")
    own, foreign = written.lines()
    for line in (own, foreign):
        assert line["exception"].startswith("Traceback")
        assert line["exception"].endswith("ValueError: several\nlines")
        assert "in boom" in line["exception"]
    assert own["level"] == "error"


def test_lines_of_many_threads_are_whole_and_carry_the_service(
    written: Written,
) -> None:
    def work(number: int) -> None:
        for step in range(50):
            logging.get("a").info("step", number=number, step=step, pad="x" * 500)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = written.lines()
    assert {line["service"] for line in lines} == {"test"}
    assert {(line["number"], line["step"]) for line in lines} == {
        (number, step) for number in range(8) for step in range(50)
    }


def test_what_a_thread_binds_is_on_its_lines_only(written: Written) -> None:
    def work() -> None:
        with structlog.contextvars.bound_contextvars(job_id="j1"):
            logging.get("a").info("inside")
            standard.getLogger("library").info("inside, too")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    logging.get("a").info("outside")

    assert [line.get("job_id") for line in written.lines()] == ["j1", "j1", None]


def test_a_low_level_is_not_written(written: Written) -> None:
    logging.get("a").debug("quiet")
    standard.getLogger("library").debug("quiet")
    assert written.lines() == []


def test_a_service_adds_what_only_it_knows(written: Written) -> None:
    def context(_logger: object, _method: str, event: Any) -> Any:
        event["worker"] = "w1"
        return event

    logging.configure(
        service="test", level="DEBUG", stream=written.stream, context=(context,)
    )
    logging.get("a").debug("loud")
    standard.getLogger("library").debug("loud")
    assert [line["worker"] for line in written.lines()] == ["w1", "w1"]


def test_configuring_twice_writes_each_line_once(written: Written) -> None:
    logging.configure(service="test", stream=written.stream)
    logging.get("a").info("once")
    standard.getLogger("library").info("once")
    assert len(written.lines()) == 2


def test_what_json_does_not_know_is_still_a_line(written: Written) -> None:
    logging.get("a").info("odd", data=b"\xff", kind=ValueError("x"), many={1, 2})
    assert written.only()["event"] == "odd"
