from __future__ import annotations

import importlib.resources
from typing import Any

import pytest
from jinja2 import meta

from services.worker.mail import templates
from services.worker.mail.templates import VARIABLES, render
from shared.errors import UnrecoverableError

LINK = "https://example.com/?a=1&b=2"
FILLED: dict[str, dict[str, Any]] = {
    "newsletter": {
        "title": "News of June",
        "intro": "Much has happened.",
        "articles": [
            {
                "title": "A new tea",
                "text": "It is green.",
                "link": "https://example.com/tea",
                "image": "tea",
            },
            {"title": "Hours", "text": "Longer.", "link": "https://example.com/open"},
        ],
        "link": LINK,
        "unsubscribe_link": "https://example.com/bye",
    },
    "weekly-report": {
        "period": "1 to 7 June",
        "summary": "A quiet week.",
        "figures": [
            {"label": "Jobs", "value": "1,204", "change": "+3 %"},
            {"label": "Failures", "value": "2"},
        ],
        "link": LINK,
    },
    "welcome": {"name": "Ada", "link": LINK},
    "password-reset": {"name": "Ada", "link": LINK, "valid_minutes": 30},
    "order-confirmation": {
        "name": "Ada",
        "link": LINK,
        "order_number": "A-17",
        "items": [{"name": "Tea", "quantity": 2, "price": "€ 4.00"}],
        "total": "€ 8.00",
    },
}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_template_gives_a_subject_a_text_and_a_page(name: str) -> None:
    rendered = render(name, FILLED[name])

    assert rendered.subject
    assert LINK in rendered.text
    assert "<" not in rendered.text
    assert rendered.html.startswith("<!doctype html>")
    assert 'href="https://example.com/?a=1&amp;b=2"' in rendered.html
    assert "Nightshift" in rendered.text
    assert "Nightshift" in rendered.html


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_the_documented_variables_are_those_that_the_files_use(name: str) -> None:
    folder = importlib.resources.files("services.worker") / "templates" / "email"
    used: set[str] = set()
    for file in (f"{name}.txt.j2", f"{name}.html.j2"):
        tree = templates._environment().parse((folder / file).read_text("utf-8"))
        used |= meta.find_undeclared_variables(tree)

    # What the worker sets itself is no caller's matter.
    assert used - {"images"} == set(VARIABLES[name])


@pytest.mark.parametrize(
    ("name", "variable"),
    [(name, variable) for name, needed in VARIABLES.items() for variable in needed],
)
def test_a_missing_variable_is_named(name: str, variable: str) -> None:
    variables = {key: value for key, value in FILLED[name].items() if key != variable}

    with pytest.raises(UnrecoverableError, match=rf"lacks {variable};"):
        render(name, variables)


def test_a_missing_variable_deep_inside_is_named() -> None:
    variables = {**FILLED["order-confirmation"], "items": [{"name": "Tea"}]}

    with pytest.raises(UnrecoverableError, match="quantity"):
        render("order-confirmation", variables)


def test_what_stands_in_the_page_is_escaped() -> None:
    rendered = render("welcome", {"name": "<script>x</script> & Co", "link": LINK})

    assert "<script>x" not in rendered.html
    assert "&lt;script&gt;x&lt;/script&gt; &amp; Co" in rendered.html
    assert "Welcome, <script>x</script> & Co!" in rendered.text


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "", 5])
def test_a_link_that_is_no_web_address_is_refused(link: object) -> None:
    with pytest.raises(UnrecoverableError, match="link must start with"):
        render("welcome", {"name": "Ada", "link": link})


@pytest.mark.parametrize("name", ["a\r\nBcc: x@y", "=?utf-8?q?=0A?=Bcc: x@y"])
def test_a_variable_can_t_smuggle_a_header_through_the_subject(name: str) -> None:
    with pytest.raises(UnrecoverableError, match="subject must be one line"):
        render("welcome", {"name": name, "link": LINK})


def test_variables_are_data_and_no_templates() -> None:
    rendered = render("welcome", {"name": "{{ 7 * 7 }}", "link": LINK})

    assert "{{ 7 * 7 }}" in rendered.text


def test_the_product_s_name_can_be_replaced() -> None:
    rendered = render("welcome", {**FILLED["welcome"], "product": "Tea Shop"})

    assert "Tea Shop" in rendered.html
    assert "Nightshift" not in rendered.html + rendered.text


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(UnrecoverableError, match="no-such"):
        render("no-such", {})


def test_a_newsletter_tells_how_to_end_it_and_shows_its_articles() -> None:
    rendered = render(
        "newsletter", FILLED["newsletter"], images={"tea": "cid:tea.1@example.com"}
    )

    assert rendered.subject == "News of June"
    for part in (rendered.text, rendered.html):
        assert "https://example.com/bye" in part
        assert "A new tea" in part
        assert "https://example.com/open" in part
    assert rendered.html.count("<img") == 1
    assert 'src="cid:tea.1@example.com"' in rendered.html


def test_a_weekly_report_lists_its_figures_in_both_parts() -> None:
    rendered = render("weekly-report", FILLED["weekly-report"])

    assert "Jobs: 1,204 (+3 %)\nFailures: 2\n" in rendered.text
    assert "1,204" in rendered.html
    assert rendered.subject == "Weekly report, 1 to 7 June"


def test_a_logo_stands_in_the_place_of_the_product_s_name() -> None:
    rendered = render("welcome", FILLED["welcome"], images={"logo": "cid:logo.1@x"})

    assert '<img src="cid:logo.1@x" alt="Nightshift"' in rendered.html


def test_a_variable_of_the_worker_s_own_can_t_be_given() -> None:
    with pytest.raises(UnrecoverableError, match="images"):
        render("welcome", {**FILLED["welcome"], "images": {"logo": "https://x"}})
