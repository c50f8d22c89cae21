"""What a token's scopes make of a person: a viewer, an operator or an admin."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from shared.access.principal import Scope

if TYPE_CHECKING:
    from shared.access.principal import Principal


class Role(StrEnum):
    """What the dashboard calls people; the scopes decide, this is a word for them."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


def role_of(principal: Principal) -> Role:
    """Return the role of whoever holds a token."""
    if principal.may(Scope.ADMIN):
        return Role.ADMIN
    return Role.OPERATOR if principal.may(Scope.OPERATE) else Role.VIEWER
