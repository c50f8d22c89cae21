"""The settings as the page shows them: what is secret stays secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

MASK = "\u2022" * 8
#: Texts that may hold a login in an address, and a key's public half.
_ADDRESSES = frozenset({"redis_url", "nightshift_otlp_endpoint"})


class Known(NamedTuple):
    """One setting.

    Attributes:
        name: The environment variable.
        value: What holds, masked when it is a secret.
        is_default: Whether nobody set it.
        description: What it is for.
    """

    name: str
    value: str
    is_default: bool
    description: str


def shown(settings: BaseSettings) -> list[Known]:
    """Return all settings, by name."""
    found = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        default = None if field.default is PydanticUndefined else field.default
        found.append(
            Known(
                name.upper(),
                _text(name, value),
                value == default,
                field.description or "",
            )
        )
    return sorted(found)


def _text(name: str, value: Any) -> str:
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _without_login(str(value)) if name in _ADDRESSES else str(value)


def _without_login(address: str) -> str:
    """Return an address without user and password; query strings may hold them, too."""
    parts = urlsplit(address)
    _, at, hosts = parts.netloc.rpartition("@")
    login = f"{MASK}@" if at else ""
    query = MASK if parts.query else ""
    return urlunsplit((parts.scheme, login + hosts, parts.path, query, ""))
