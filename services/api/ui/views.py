"""Turns templates into answers; every text is escaped unless it is ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.api.ui import addresses, assets, cookies, flash, formats, gate
from services.api.ui.role import role_of
from services.api.ui.sidebar import NAV
from shared import clock
from shared.access.principal import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


FOLDER = Path(__file__).parent / "templates"
THEMES = frozenset({"light", "dark"})


@cache
def _environment() -> Environment:
    """Return the templates, compiled once per process."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "number": formats.number,
        "short": formats.short_number,
        "duration": formats.duration,
        "size": formats.size,
        "iso": formats.iso,
        "moment": formats.moment,
        "merged": _merged,
        "share": formats.share,
    }
    environment.globals |= {
        "asset": assets.load().url,
        "url": addresses.to,
        "queue_url": _queue_url,
        "job_url": _job_url,
        "add_url": _add_url,
        "may": lambda scope: gate.may(Scope(scope)),
        "ago": formats.ago,
    }
    return environment


class Views:
    """The templates and what all of them know."""

    def __init__(self, sidebar: Callable[[], Any]) -> None:
        """Show what `sidebar` returns beside every page."""
        self._sidebar = sidebar
        self._environment = _environment()

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page, or its live part when a script asks for that.

        Args:
            template: Name of the template; it extends `layout`.
            status: HTTP status.
            **context: What the template names.
        """
        is_part = request.headers.get("HX-Request") == "true"
        person = gate.caller()
        has_frame = person is not None and not is_part
        message = flash.pending() if has_frame else None
        response = self._response(
            template,
            status,
            layout=_layout(is_part=is_part, has_frame=has_frame),
            person=person,
            role=role_of(person) if person else None,
            nav=NAV,
            sidebar=self._sidebar() if has_frame else None,
            flash=message,
            **context,
        )
        if message is not None:
            cookies.drop(response, cookies.FLASH)
        return response

    def bare(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page for people who are not signed in, or when little works."""
        return self._response(template, status, layout="bare.html", **context)

    def _response(self, template: str, status: int, **context: Any) -> Response:
        session = gate.session()
        theme = request.cookies.get(cookies.THEME, "")
        text = self._environment.get_template(template).render(
            now_ms=clock.now_ms(),
            csrf=session.csrf if session else "",
            theme=theme if theme in THEMES else "",
            **{"here": request.full_path.rstrip("?"), **context},
        )
        return Response(text, status=status, content_type="text/html; charset=utf-8")


def _layout(*, is_part: bool, has_frame: bool) -> str:
    if is_part:
        return "fragment.html"
    return "layout.html" if has_frame else "bare.html"


def _queue_url(queue: str) -> str:
    return addresses.to("queue", queue=queue)


def _job_url(queue: str, job_id: str) -> str:
    return addresses.to("job", queue=queue, job_id=job_id)


def _add_url(queue: str) -> str:
    return addresses.to("add_job", queue=queue)


def _merged(fields: Mapping[str, str], **changes: str) -> dict[str, str]:
    return {**fields, **changes}
