"""Mail templates: a subject, a text and an HTML page from the same variables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import jinja2

from services.worker.mail.headers import checked
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The variables that each template needs. `product` is an optional one of them all:
#: the name that stands above and below the message.
VARIABLES: dict[str, tuple[str, ...]] = {
    "newsletter": ("articles", "intro", "link", "title", "unsubscribe_link"),
    "order-confirmation": ("items", "link", "name", "order_number", "total"),
    "password-reset": ("link", "name", "valid_minutes"),
    "weekly-report": ("figures", "link", "period", "summary"),
    "welcome": ("link", "name"),
}
#: Variables that the worker sets itself.
_OWN = frozenset({"images"})


@dataclass(frozen=True)
class Rendered:
    """A message's words.

    Attributes:
        subject: One line, safe in a header.
        text: For those who read text.
        html: For those who read HTML.
    """

    subject: str
    text: str
    html: str


def render(
    name: str,
    variables: Mapping[str, Any],
    *,
    images: Mapping[str, str] = MappingProxyType({}),
) -> Rendered:
    """Fill a template.

    Args:
        name: Which.
        variables: With what.
        images: Addresses of inline pictures, by name.

    Raises:
        UnrecoverableError: When there is no such template, a variable is missing or
            one can't stand where the template puts it.
    """
    _check_variables(name, variables)
    variables = {**variables, "images": images}
    try:
        text = _environment().get_template(f"{name}.txt.j2")
        html = _environment().get_template(f"{name}.html.j2")
        subject = "".join(text.blocks["subject"](text.new_context(variables)))
        return Rendered(
            subject=checked("subject", subject.strip()),
            text=text.render(variables),
            html=html.render(variables),
        )
    except jinja2.UndefinedError as error:
        message = f"The template {name!r} lacks a variable: {error.message}."
        raise UnrecoverableError(message) from None
    except jinja2.TemplateNotFound as error:
        message = f"There is no template {error.name!r}."
        raise UnrecoverableError(message) from None
    except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError) as error:
        message = f"The template {name!r} can't be filled: {error}"
        raise UnrecoverableError(message) from error


def _check_variables(name: str, variables: Mapping[str, Any]) -> None:
    needed = VARIABLES.get(name, ())
    missing = [variable for variable in needed if variable not in variables]
    taken = _OWN.intersection(variables)
    if taken:
        message = f"A template sets {', '.join(taken)} itself: use another name."
        raise UnrecoverableError(message)
    if missing:
        message = (
            f"The template {name!r} lacks {', '.join(missing)}; "
            f"it needs {', '.join(needed)}."
        )
        raise UnrecoverableError(message)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("services.worker", "templates/email"),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(
            disabled_extensions=("txt.j2",), default=True
        ),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["web_address"] = _web_address
    return environment


def _web_address(value: object) -> str:
    """Refuse what a link must not be, such as `javascript:`."""
    address = str(value)
    if not address.startswith(("https://", "http://")):
        message = "a link must start with https:// or http://."
        raise ValueError(message)
    return address
