"""Queues and jobs in the dashboard, on the real application without a browser."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from shared.jobs.states import JobState
from shared.storage.storage import Storage
from tests.support.api import Api, running_api
from tests.support.dashboard import Visitor, path_of
from tests.support.dashboard_stack import Stack
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.api.ui.bulk_plans import BulkPlans
    from services.api.wiring import Parts

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def stack(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(redis_url, namespace, tmp_path, "")
    yield stack
    stack.close()


def ids_in(page: str) -> list[str]:
    """Return the jobs that a list shows, in its order."""
    return re.findall(r'<tr data-row id="job-([\w.:@-]+)"', page)


def plans_of(api: Api) -> BulkPlans:
    parts: Parts = api.app.extensions["nightshift.parts"]
    return parts.plans


def failed_mail(stack: Stack, customer: str = "ada") -> str:
    job = stack.add(
        "send-email",
        data={
            "to": [f"{customer}@example.com"],
            "template": "welcome",
            "context": {"code": "very-secret"},
        },
        tags=(f"customer-{customer}",),
    )
    stack.fail("email", stack.claim("email"))
    return job.id


def test_the_overview_counts_every_state_and_says_what_is_wrong(
    api: Api, stack: Stack
) -> None:
    failed_mail(stack)
    stack.add(delay=60_000)

    page = Visitor(api).get().text

    assert re.search(r'title="1 failed">1</a>', page)
    assert re.search(r'title="1 delayed">1</a>', page)
    assert "No worker is running" in page
    assert "/admin/queues/help#no-workers" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "ab"),
        ("&q=ADA%40example", "a"),
        ("&q=customer-bob", "b"),
        ("&tag=customer-ada", "a"),
        ("&name=send-email", "ab"),
        ("&name=echo", ""),
        ("&error=RecipientsRefused", "ab"),
        ("&error=timeout", ""),
        ("&within=15m", "ab"),
        ("&until=2020-01-01T00:00", ""),
        ("&since=2020-01-01T00:00&until=2099-01-01T00:00", "ab"),
        ("&q=very-secret", ""),
    ],
)
def test_filters_in_the_address_find_jobs(
    api: Api, stack: Stack, query: str, expected: str
) -> None:
    known = {"a": failed_mail(stack, "ada"), "b": failed_mail(stack, "bob")}

    page = Visitor(api).get(f"/queue/email?state=failed{query}")

    assert set(ids_in(page.text)) == {known[letter] for letter in expected}
    assert "very-secret" not in page.text.replace("q=very-secret", "").replace(
        'value="very-secret"', ""
    )


def test_a_job_is_found_by_its_id_in_any_state(api: Api, stack: Stack) -> None:
    job = stack.add(delay=60_000)

    page = Visitor(api).get(f"/queue/demo?state=failed&q={job.id}").text

    assert f"/admin/queues/job/demo/{job.id}" in page
    assert "The job with this id" in page


@pytest.mark.parametrize(
    "query",
    ["state=nonsense", "within=1y", "since=yesterday", "cursor=..", "q=" + "x" * 201],
)
def test_a_senseless_filter_is_explained_and_never_ignored(
    api: Api, query: str
) -> None:
    answer = Visitor(api).get(f"/queue/demo?{query}")

    assert answer.status_code in {404, 422}
    assert query.partition("=")[0] in answer.text


def test_pages_follow_each_other_without_gaps(api: Api, stack: Stack) -> None:
    wanted = [stack.add().id for _ in range(120)]
    visitor, seen = Visitor(api), []
    address: str | None = "/queue/demo?state=waiting"
    while address:
        page = visitor.get(address).text
        seen += ids_in(page)
        following = re.search(r'href="/admin/queues([^"]+)" rel="next"', page)
        address = following[1].replace("&amp;", "&") if following else None

    assert seen == wanted


def test_selected_jobs_are_retried_and_the_page_says_how_many(
    api: Api, stack: Stack
) -> None:
    chosen = [failed_mail(stack) for _ in range(3)]
    visitor = Visitor(api)

    answer = visitor.post(
        "/queue/email/selected",
        state="failed",
        action="retry",
        id=[*chosen[:2], "gone"],
    )

    page = visitor.follow(answer).text
    assert "2 jobs run again; 1 was gone." in page
    assert stack.jobs.find("email", chosen[0]).state is JobState.WAITING
    assert stack.jobs.find("email", chosen[2]).state is JobState.FAILED


def test_an_action_that_the_state_does_not_have_is_refused(
    api: Api, stack: Stack
) -> None:
    job = stack.add()

    answer = Visitor(api).post(
        "/queue/demo/selected", state="waiting", action="retry", id=job.id
    )

    assert answer.status_code == 422


def test_all_that_fit_are_counted_then_confirmed_then_changed(
    api: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.ui.bulk_plans.UNDO_MS", 50)
    adas = [failed_mail(stack, "ada") for _ in range(3)]
    bob = failed_mail(stack, "bob")
    visitor = Visitor(api)

    counted = visitor.post("/queue/email/all", state="failed", action="retry", q="ada@")
    wait_for(
        lambda: "3 jobs fit" in visitor.follow(counted).text, what="the count is done"
    )
    assert stack.jobs.find("email", adas[0]).state is JobState.FAILED
    path = path_of(counted).removeprefix("/admin/queues")
    begun = visitor.post(f"{path}/confirm")

    wait_for(lambda: "3 jobs done" in visitor.follow(begun).text, what="it is done")
    assert {stack.jobs.find("email", job).state for job in adas} == {JobState.WAITING}
    assert stack.jobs.find("email", bob).state is JobState.FAILED


def test_what_was_confirmed_can_be_taken_back(api: Api, stack: Stack) -> None:
    job = failed_mail(stack)
    visitor = Visitor(api)
    counted = visitor.post("/queue/email/all", state="failed", action="clean")
    assert "1 job fits" in visitor.follow(counted).text
    path = path_of(counted).removeprefix("/admin/queues")
    begun = visitor.post(f"{path}/confirm")
    assert "begins in" in visitor.follow(begun).text

    path = path_of(begun).removeprefix("/admin/queues")
    stopped = visitor.post(f"{path}/stop")

    page = visitor.follow(stopped).text
    assert "Taken back." in page
    assert ">stopped<" in page
    plans = plans_of(api)
    assert plans._timers == {}
    # A timer of another process may have been on its way.
    plans._begin(path.rpartition("/")[2])
    assert ">stopped<" in visitor.follow(begun).text
    assert stack.jobs.find("email", job).state is JobState.FAILED


def test_what_was_confirmed_can_be_stopped_over_the_api(api: Api, stack: Stack) -> None:
    job = failed_mail(stack)
    visitor = Visitor(api)
    counted = visitor.post("/queue/email/all", state="failed", action="clean")
    path = path_of(counted).removeprefix("/admin/queues")
    begun = path_of(visitor.post(f"{path}/confirm")).rpartition("/")[2]

    shown = api.get(f"/api/v1/operations/{begun}").get_json()
    api.post(f"/api/v1/operations/{begun}/stop")
    plans_of(api)._begin(begun)

    assert shown["state"] == "pending"
    assert api.get(f"/api/v1/operations/{begun}").get_json()["state"] == "stopped"
    assert stack.jobs.find("email", job).state is JobState.FAILED


def test_a_plan_whose_process_died_begins_with_the_next_look(
    redis_url: str,
    namespace: str,
    tmp_path: Path,
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = failed_mail(stack)
    with running_api(redis_url, namespace, tmp_path) as api:
        visitor = Visitor(api)
        counted = visitor.post("/queue/email/all", state="failed", action="retry")
        path = path_of(counted).removeprefix("/admin/queues")
        begun = visitor.post(f"{path}/confirm")
    assert stack.jobs.find("email", job).state is JobState.FAILED

    monkeypatch.setattr("services.api.ui.bulk_plans.UNDO_MS", 50)
    with running_api(redis_url, namespace, tmp_path) as api:
        other = Visitor(api)
        page = path_of(begun).removeprefix("/admin/queues")
        wait_for(lambda: "1 job done" in other.get(page).text, what="it is done")


def test_a_queue_is_paused_and_goes_on(api: Api, stack: Stack) -> None:
    visitor = Visitor(api)

    visitor.post("/queue/demo/pause")
    assert stack.jobs.inspector.stats("demo").is_paused
    assert "This queue is paused" in visitor.get("/queue/demo").text

    visitor.post("/queue/demo/resume")
    assert not stack.jobs.inspector.stats("demo").is_paused


def test_limits_are_set_and_taken_away(api: Api, stack: Stack) -> None:
    visitor = Visitor(api)

    visitor.post(
        "/queue/demo/limits", concurrency="3", rate_max="10", rate_s="2", quota="500"
    )
    limits = stack.operator.limits("demo")
    assert (limits.concurrency, limits.rate_max, limits.rate_ms) == (3, 10, 2000)
    assert "may wait, at most" in visitor.get("/queue/demo").text

    visitor.post("/queue/demo/limits", concurrency="", rate_max="", rate_s="")
    assert stack.operator.limits("demo").concurrency is None


@pytest.mark.parametrize(
    "fields",
    [{"concurrency": "-1"}, {"concurrency": "many"}, {"rate_max": "5"}, {"quota": "0"}],
)
def test_senseless_limits_are_refused_and_nothing_changes(
    api: Api, stack: Stack, fields: dict[str, str]
) -> None:
    answer = Visitor(api).post("/queue/demo/limits", **fields)

    assert answer.status_code == 422
    assert stack.operator.limits("demo").concurrency is None


def test_a_failed_job_shows_why_without_its_secrets(api: Api, stack: Stack) -> None:
    job = failed_mail(stack)

    page = Visitor(api).get(f"/job/email/{job}").text

    assert "SMTPRecipientsRefused: no such user" in page
    assert "1 frame of dramatiq" in page
    assert "tasks/send_email.py" in page
    assert "ada@example.com" in page
    assert "very-secret" not in page
    assert "Run 1 failed" in page


def test_a_waiting_job_says_why_it_is_not_running(api: Api, stack: Stack) -> None:
    stack.add()
    job = stack.add()
    stack.operator.pause("demo")

    page = Visitor(api).get(f"/job/demo/{job.id}").text

    assert "Why it is not running" in page
    assert "The queue demo is paused." in page
    assert "1 job waits before this one." in page


def test_an_active_job_shows_progress_and_logs(api: Api, stack: Stack) -> None:
    job = stack.add()
    [taken] = stack.claim("demo")
    stack.progress("demo", taken, b"40")
    stack.log("demo", taken, "first line", "<b>second</b>")

    page = Visitor(api).get(f"/job/demo/{job.id}").text

    assert 'value="40.0"' in page
    assert "first line" in page
    assert "&lt;b&gt;second&lt;/b&gt;" in page


def test_numbers_in_data_keep_every_digit(api: Api, stack: Stack) -> None:
    job = stack.add("echo", data={"msg": "x"})
    [taken] = stack.claim("demo")
    stack.complete("demo", [taken], b'{"big":12345678901234567890123,"exact":1.10}')

    page = Visitor(api).get(f"/job/demo/{job.id}").text

    assert "12345678901234567890123" in page
    assert "1.10" in page


@pytest.mark.parametrize(
    ("action", "state", "after"),
    [
        ("retry", "failed", JobState.WAITING),
        ("cancel", "waiting", JobState.CANCELLED),
        ("promote", "delayed", JobState.WAITING),
    ],
)
def test_actions_on_one_job(
    api: Api, stack: Stack, action: str, state: str, after: JobState
) -> None:
    if state == "failed":
        job_id, queue = failed_mail(stack), "email"
    else:
        delay = {"delay": 60_000} if state == "delayed" else {}
        job_id, queue = stack.add(**delay).id, "demo"
    visitor = Visitor(api)

    answer = visitor.post(f"/job/{queue}/{job_id}/{action}")

    assert 'class="flash' in visitor.follow(answer).text
    assert stack.jobs.find(queue, job_id).state is after


def test_an_action_that_comes_too_late_says_so(api: Api, stack: Stack) -> None:
    job = stack.add()
    visitor = Visitor(api)

    page = visitor.follow(visitor.post(f"/job/demo/{job.id}/retry")).text

    assert "not possible in its state" in page


def test_a_removed_job_is_gone(api: Api, stack: Stack) -> None:
    job = stack.add()
    visitor = Visitor(api)

    answer = visitor.post(f"/job/demo/{job.id}/remove")

    assert path_of(answer) == "/admin/queues/queue/demo"
    assert visitor.get(f"/job/demo/{job.id}").status_code == 404


def test_a_failed_job_runs_again_with_mended_data_and_its_old_secrets(
    api: Api, stack: Stack
) -> None:
    job = failed_mail(stack)
    visitor = Visitor(api)
    form = visitor.get(f"/job/email/{job}/again").text
    assert "[redacted]" in form
    assert "very-secret" not in form

    answer = visitor.post(
        f"/job/email/{job}/again",
        data=json.dumps(
            {
                "to": ["right@example.com"],
                "template": "welcome",
                "context": "[redacted]",
            }
        ),
        options='{"tags": ["mended"]}',
        remove="1",
    )

    new = stack.jobs.find("email", path_of(answer).rpartition("/")[2])
    assert new.options.tags == ("mended",)
    assert json.loads(new.data) == {
        "to": ["right@example.com"],
        "template": "welcome",
        "context": {"code": "very-secret"},
    }
    assert stack.jobs.inspector.job("email", job) is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{", "not JSON"),
        ("[]", "should be a JSON object"),
        ('{"to": ["nobody"], "template": "welcome"}', "/data/to/0"),
        ('{"to": ["a@example.com"], "template": "welcome", "x": 1}', "/data/x"),
    ],
)
def test_wrong_data_is_explained_and_kept_for_mending(
    api: Api, stack: Stack, data: str, said: str
) -> None:
    job = failed_mail(stack)

    answer = Visitor(api).post(f"/job/email/{job}/again", data=data, options="{}")

    assert answer.status_code == 422
    assert said in answer.text
    assert "textarea" in answer.text
    assert sum(stack.jobs.inspector.counts("email").values()) == 1


def test_pictures_are_shown_by_their_bytes_and_nothing_else_is(
    api: Api, stack: Stack
) -> None:
    storage = Storage(stack.folder, max_bytes=1_000_000)
    picture = storage.put(PNG, name="a.png", content_type="text/html")
    page = storage.put(b"<script>alert(1)</script>", name="x", content_type="image/png")
    visitor = Visitor(api)

    shown, refused = visitor.get(f"/file/{picture.id}"), visitor.get(f"/file/{page.id}")
    kept = visitor.get(f"/file/{page.id}/download")

    assert shown.content_type == "image/png"
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert refused.status_code == 415
    assert kept.headers["Content-Disposition"].startswith("attachment")
    assert kept.content_type == "application/octet-stream"


def test_files_that_a_result_names_are_previewed(api: Api, stack: Stack) -> None:
    storage = Storage(stack.folder, max_bytes=1_000_000)
    picture = storage.put(PNG, name="small.png", content_type="image/png")
    table = storage.put(b"a,b\n1,<i>\n", name="t.csv", content_type="text/csv")
    job = stack.add()
    result = {"files": [picture.id, table.id], "other": "0" * 20}
    stack.complete("demo", stack.claim("demo"), json.dumps(result).encode())

    page = Visitor(api).get(f"/job/demo/{job.id}").text

    assert f'<img src="/admin/queues/file/{picture.id}"' in page
    assert "<td>&lt;i&gt;</td>" in page


def test_search_finds_a_customer_in_every_queue(api: Api, stack: Stack) -> None:
    job = failed_mail(stack, "zoe")
    stack.add()
    visitor = Visitor(api)

    page = visitor.get("/search?q=zoe").text
    part = visitor.get("/search/queue/email?q=zoe").text
    nothing = visitor.get("/search/queue/demo?q=zoe").text

    assert 'hx-get="/admin/queues/search/queue/email?q=zoe"' in page
    assert f"/job/email/{job}" in part
    assert "Nothing here." in nothing


def test_a_viewer_sees_jobs_and_no_button(api: Api, stack: Stack) -> None:
    job = failed_mail(stack)
    visitor = Visitor(api, api.mint("read"))

    for path in ("/queue/email?state=failed", f"/job/email/{job}", "/queue/demo"):
        page = visitor.get(path).text
        forms = set(re.findall(r'method="post" action="([^"]+)"', page))

        assert forms <= {
            "/admin/queues/sign-out",
            "/admin/queues/queue/email/selected",
        }, path
        assert 'name="action"' not in page


def test_changes_are_written_down_with_who_made_them(api: Api, stack: Stack) -> None:
    visitor = Visitor(api, api.mint("read", "operate", name="Grace"))
    visitor.post("/queue/demo/pause")

    entries = api.get("/api/v1/audit").get_json()["entries"]

    assert (entries[0]["actorName"], entries[0]["action"], entries[0]["target"]) == (
        "Grace",
        "ui.pause_queue",
        "/admin/queues/queue/demo/pause",
    )
