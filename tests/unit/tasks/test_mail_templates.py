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

    assert used == set(VARIABLES[name])


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
