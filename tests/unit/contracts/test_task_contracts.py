from __future__ import annotations

import importlib.resources
import json
from typing import Any, get_args

import pytest

from services.worker.mail.templates import VARIABLES
from services.worker.sandboxed import orders
from shared.contracts import catalogue
from shared.contracts.tasks import process_image
from shared.contracts.tasks.deliver_webhook import DeliverWebhook
from shared.contracts.tasks.echo import Echo
from shared.contracts.tasks.generate_thumbnails import GenerateThumbnails
from shared.contracts.tasks.maybe_fail import CONTRACT as MAYBE_FAIL
from shared.contracts.tasks.maybe_fail import MaybeFail
from shared.contracts.tasks.process_image import ProcessImage
from shared.contracts.tasks.send_email import SendEmail, Template
from shared.errors import InvalidDataError

FILE_ID = "38g4c82tt2rt3dgycs4m"


def parsed(model: Any, **data: Any) -> Any:
    return model.parse(json.dumps(data).encode(), pointer="/data")


def pointers(model: Any, **data: Any) -> list[str]:
    with pytest.raises(InvalidDataError) as refusal:
        parsed(model, **data)
    return [problem.pointer for problem in refusal.value.problems]


def test_the_first_tasks_are_in_the_catalogue_with_their_queues() -> None:
    loaded = catalogue.load()
    queues = {name: contract.queue for name, contract in loaded.items()}

    assert (
        queues.items()
        >= {
            "echo": "demo",
            "maybe-fail": "demo",
            "send-email": "email",
            "process-image": "image",
            "generate-thumbnails": "image",
            "deliver-webhook": "webhook",
        }.items()
    )


@pytest.mark.parametrize("name", sorted(catalogue.load()))
def test_every_contract_tells_what_the_task_does_in_a_sentence(name: str) -> None:
    summary = catalogue.load()[name].summary

    assert summary.endswith(".")
    assert summary[0].isupper()


def test_an_echo_has_four_steps_unless_told_otherwise() -> None:
    assert parsed(Echo, msg="hi") == Echo(msg="hi", steps=4, step_ms=0)
    assert parsed(Echo, msg="hi", steps=0, stepMs=5).step_ms == 5


@pytest.mark.parametrize("steps", [-1, 101, 1.5, "4", None])
def test_an_echo_refuses_a_senseless_number_of_steps(steps: object) -> None:
    assert pointers(Echo, msg="hi", steps=steps) == ["/data/steps"]


def test_unknown_fields_are_refused() -> None:
    assert pointers(MaybeFail, msg="hi", fail=1, often=True) == ["/data/often"]


def test_maybe_fail_doubles_half_a_second_over_five_attempts() -> None:
    defaults = MAYBE_FAIL.defaults

    assert defaults.attempts == 5
    assert (defaults.backoff.type, defaults.backoff.delay) == ("exponential", 500)


@pytest.mark.parametrize(
    "address",
    ["ada@example.com", "a.b+c@x.example", "root@localhost", "o'neil@example.com"],
)
def test_usual_mail_addresses_are_taken(address: str) -> None:
    assert parsed(SendEmail, to=[address], template="welcome").to == [address]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "a@b, c@d",
        "Ada <ada@example.com>",
        "ada@example.com\r\nBcc: x@y",
        "ada@example.com\n",
        "a\x00@example.com",
        "a\u2028@example.com",
        ".a@example.com",
        "a@-example.com",
        "a@example..com",
        "=?utf-8?q?a?=@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_anything_but_a_bare_mail_address_is_refused(address: str) -> None:
    assert pointers(SendEmail, to=[address], template="welcome") == ["/data/to/0"]


@pytest.mark.parametrize(
    "subject", ["a\r\nBcc: x@y", "a\nb", "a\x00b", "a\u2028b", "=?utf-8?q?=0A?=", ""]
)
def test_a_subject_that_could_become_a_header_is_refused(subject: str) -> None:
    data = {"to": ["a@b.c"], "template": "welcome", "subject": subject}

    assert pointers(SendEmail, **data) == ["/data/subject"]


def test_a_mail_has_fifty_recipients_at_most_and_one_at_least() -> None:
    many = [f"a{n}@example.com" for n in range(51)]

    assert pointers(SendEmail, to=many, template="welcome") == ["/data/to"]
    assert pointers(SendEmail, to=[], template="welcome") == ["/data/to"]


def test_the_templates_of_the_contract_are_the_files_of_the_worker() -> None:
    folder = importlib.resources.files("services.worker") / "templates" / "email"
    files = {file.name for file in folder.iterdir()}
    names = set(get_args(Template))

    assert files == {
        f"{name}.{kind}.j2" for name in (*names, "layout") for kind in ("html", "txt")
    }
    assert names == set(VARIABLES)


def test_a_picture_may_be_asked_for_by_one_side() -> None:
    order = parsed(ProcessImage, source=FILE_ID, width=300)

    assert (order.width, order.height, order.fit) == (300, None, "inside")


@pytest.mark.parametrize(
    ("breach", "where"),
    [
        ({"source": "../etc/passwd"}, "/data/source"),
        ({"width": 0}, "/data/width"),
        ({"height": 10_001}, "/data/height"),
        ({"fit": "stretch"}, "/data/fit"),
        ({"format": "tiff"}, "/data/format"),
        ({"quality": 101}, "/data/quality"),
        ({"background": "red"}, "/data/background"),
        ({"fit": "cover", "width": 10}, "/data"),
        ({"width": 10_000, "height": 5_000}, "/data"),
    ],
)
def test_a_senseless_picture_is_refused(breach: dict[str, Any], where: str) -> None:
    assert pointers(ProcessImage, **{"source": FILE_ID, **breach}) == [where]


def test_contract_and_sandbox_agree_on_the_largest_picture() -> None:
    assert process_image.MAX_PIXELS == orders.MAX_PIXELS


def test_thumbnails_have_three_sizes_unless_told_otherwise() -> None:
    order = parsed(GenerateThumbnails, source=FILE_ID)

    assert (order.sizes, order.format) == ([150, 300, 600], "webp")
    assert pointers(GenerateThumbnails, source=FILE_ID, sizes=[150, 150]) == [
        "/data/sizes"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=1",
        "http://[2001:db8::1]:8080/",
        "https://bücher.example/",
    ],
)
def test_usual_web_addresses_are_taken(url: str) -> None:
    assert parsed(DeliverWebhook, url=url, type="a.b").url == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "redis://example.com/",
        "example.com/hook",
        "http://",
        "http:///path",
        "http://user@example.com/",
        "http://user:pass@example.com/",
        "http://good.example\\@evil.example/",
        "http://example.com/\r\nX: y",
        "http://example.com/ x",
        "http://example.com:99999/",
        "http://[::1/",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    assert pointers(DeliverWebhook, url=url, type="a.b") == ["/data/url"]


@pytest.mark.parametrize("kind", ["", "a b", ".a", "a.", "a..b", "ä", "a" * 101])
def test_an_odd_type_of_event_is_refused(kind: str) -> None:
    assert pointers(DeliverWebhook, url="http://a.example/", type=kind) == [
        "/data/type"
    ]
