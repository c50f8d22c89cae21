"""Which scope each endpoint needs; what is not named here is closed, not open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.access.principal import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Blueprints that need no token: probes, the scrape, the learning endpoints where a
#: setting allows them, and the pages that explain the API. The dashboard is here
#: because it has a gate of its own, for people with a session.
OPEN_BLUEPRINTS = frozenset({"health", "demo", "docs", "ui"})

#: Endpoints, or whole blueprints, whose scope does not follow from the method.
SCOPES: Mapping[str, Scope | None] = {
    "jobs.add": Scope.WRITE,
    "jobs.add_bulk": Scope.WRITE,
    "files.add": Scope.WRITE,
    "tokens.own": None,
    "tokens": Scope.ADMIN,
    "audit": Scope.ADMIN,
}
#: Endpoints without a queue in their address that look at the token's queues
#: themselves. A token for some queues is refused at all others.
MINDFUL = frozenset(
    {
        "files.add",
        "files.show",
        "operations.index",
        "operations.show",
        "operations.stop",
        "queues.index",
        "tasks.index",
        "tasks.openapi",
        "tokens.own",
        "workers.index",
    }
)
_READING = frozenset({"GET", "HEAD"})


def scope_of(endpoint: str, method: str) -> Scope | None:
    """Return the scope that a call needs; None when any token will do."""
    blueprint = endpoint.partition(".")[0]
    for name in (endpoint, blueprint):
        if name in SCOPES:
            return SCOPES[name]
    return Scope.READ if method in _READING else Scope.OPERATE
