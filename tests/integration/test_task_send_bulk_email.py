from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from services.worker.tasks import send_bulk_email
from shared import clock
from shared.contracts.tasks.send_bulk_email import SendBulkEmail
from shared.errors import InvalidDataError, RetryLaterError, UnrecoverableError
from tests.support.contexts import Children, Notebook, make_context
from tests.support.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from services.worker.context import JobContext

NEWS: dict[str, Any] = {
    "template": "newsletter",
    "context": {"title": "News", "intro": "", "articles": [], "link": "https://a.b"},
}


def bulk(**fields: Any) -> SendBulkEmail:
    return SendBulkEmail.parse(json.dumps({**NEWS, **fields}).encode())


def readers(number: int) -> list[dict[str, Any]]:
    return [{"to": f"reader{n}@example.com"} for n in range(number)]


def stored(context: JobContext, lines: list[bytes]) -> str:
    content = b"\n".join(lines)
    return context.storage.put(content, name="r", content_type="text/plain").id


def test_each_reader_gets_a_mail_of_their_own(tmp_path: Path) -> None:
    children = Children()
    context = make_context(tmp_path, children=children, job_id="june")
    leave = "https://example.com/leave/1"
    done = send_bulk_email.run(
        bulk(
            recipients=[
                {
                    "to": "ada@example.com",
                    "context": {"intro": "Dear Ada", "unsubscribe_link": leave},
                    "unsubscribe": leave,
                },
                {"to": "bob@example.com"},
            ],
            replyTo="help@example.com",
        ),
        context,
    )

    ada, bob = (child.data for child in children.created.values())
    assert (done.created, done.skipped) == (2, 0)
    assert (ada.to, ada.unsubscribe) == (["ada@example.com"], leave)
    assert ada.context["intro"] == "Dear Ada"
    assert ada.context["title"] == "News"
    assert ada.reply_to == bob.reply_to == "help@example.com"
    assert (bob.to, bob.context["intro"]) == (["bob@example.com"], "")
    assert {child.name for child in children.created.values()} == {"send-email"}


def test_a_reader_who_is_on_the_list_twice_gets_one_mail(tmp_path: Path) -> None:
    children = Children()
    twice = [{"to": "ada@example.com"}, {"to": "Ada@Example.com"}]
    done = send_bulk_email.run(
        bulk(recipients=twice), make_context(tmp_path, children=children)
    )

    assert (done.created, done.skipped, len(children.created)) == (1, 1, 1)


def test_another_attempt_creates_nothing_twice(tmp_path: Path) -> None:
    children, memory = Children(), Shelf()
    data = bulk(recipients=readers(450))
    results = [
        send_bulk_email.run(
            data,
            make_context(
                tmp_path,
                children=children,
                memory=memory,
                job_id="june",
                attempt=attempt,
            ),
        )
        for attempt in (1, 2)
    ]

    assert len(children.created) == 450
    assert [result.created for result in results] == [450, 450]


def test_a_list_that_was_not_read_to_its_end_goes_on_from_there(
    tmp_path: Path,
) -> None:
    children, memory = Children(), Shelf()
    data = bulk(recipients=readers(450))
    short, enough = (
        make_context(
            tmp_path,
            children=children,
            memory=memory,
            job_id="june",
            attempt=attempt,
            timeout_s=timeout_s,
        )
        for attempt, timeout_s in ((1, 0), (2, 60))
    )

    with pytest.raises(RetryLaterError, match="goes on from there"):
        send_bulk_email.run(data, short)
    assert len(children.created) == 200
    done = send_bulk_email.run(data, enough)

    assert len(children.created) == done.created == 450


def test_mails_are_spread_evenly_from_when_the_job_came_in(tmp_path: Path) -> None:
    children = Children()
    context = make_context(
        tmp_path, children=children, created_ms=clock.now_ms() - 10_000
    )
    send_bulk_email.run(bulk(recipients=readers(5), spreadMs=100_000), context)

    delays = [child.delay_ms for child in children.created.values()]
    # The first was due ten seconds ago.
    assert delays[0] == 0
    for place, delay in enumerate(delays[1:], start=1):
        assert delay == pytest.approx(place * 20_000 - 10_000, abs=5_000)


def test_readers_come_from_a_file_and_wrong_lines_are_told(tmp_path: Path) -> None:
    children, notebook = Children(), Notebook()
    context = make_context(tmp_path, children=children, notebook=notebook)
    lines = [json.dumps(reader).encode() for reader in readers(1_200)]
    lines[3] = b'{"to": "nobody"}'
    lines[7] = b"not json"
    lines[9] = b'{"to": "a@b.c", "admin": true}'
    data = bulk(recipientsFile=stored(context, [*lines, b"", b"  "]))

    done = send_bulk_email.run(data, context)

    assert (done.created, done.skipped) == (1_197, 3)
    assert [example.line for example in done.examples] == [4, 8, 10]
    assert "e-mail address" in done.examples[0].reason
    assert notebook.reports[-1] == 100


def test_a_missing_file_fails_for_good(tmp_path: Path) -> None:
    with pytest.raises(UnrecoverableError, match="upload it first"):
        send_bulk_email.run(bulk(recipientsFile="0" * 20), make_context(tmp_path))


def test_a_file_without_line_ends_fails_for_good(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    data = bulk(recipientsFile=stored(context, [b"x" * 3_000_000]))

    with pytest.raises(UnrecoverableError, match="longer than"):
        send_bulk_email.run(data, context)


@pytest.mark.parametrize(
    "sources", [{}, {"recipients": readers(1), "recipientsFile": "0" * 20}]
)
def test_readers_have_one_source(sources: dict[str, Any]) -> None:
    with pytest.raises(InvalidDataError, match="either recipients or"):
        bulk(**sources)


def test_ten_thousand_readers_take_seconds(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    lines = [json.dumps(reader).encode() for reader in readers(10_000)]
    started = time.monotonic()
    send_bulk_email.run(bulk(recipientsFile=stored(context, lines)), context)

    assert time.monotonic() - started < 30
