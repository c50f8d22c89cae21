"""The dashboard's routes; each says which scope it needs, or it stays closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from shared.access.principal import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    View = Callable[..., Response]

NAME = "ui"
PREFIX = "/admin/queues"


class Routes:
    """Collects the routes of all pages.

    Attributes:
        blueprint: What the application registers.
        scopes: The scope of each endpoint; None for one that needs no session.
    """

    def __init__(self) -> None:
        """Begin without routes."""
        self.blueprint = Blueprint(NAME, __name__, url_prefix=PREFIX)
        self.scopes: dict[str, Scope | None] = {}

    def get(
        self, rule: str, name: str, view: View, *, scope: Scope | None = Scope.READ
    ) -> None:
        """Let `view` answer GET; it must change nothing."""
        self._add(rule, name, view, "GET", scope)

    def post(
        self, rule: str, name: str, view: View, *, scope: Scope | None = Scope.OPERATE
    ) -> None:
        """Let `view` answer POST; the gate has checked the form's token."""
        self._add(rule, name, view, "POST", scope)

    def _add(
        self, rule: str, name: str, view: View, method: str, scope: Scope | None
    ) -> None:
        self.scopes[f"{NAME}.{name}"] = scope
        self.blueprint.add_url_rule(rule, name, view, methods=[method])
