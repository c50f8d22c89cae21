"""The channels: a name, and one or several Apprise addresses that it stands for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from services.worker import comma_list

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
#: Services out there. What speaks to this machine itself (dbus, syslog, …), to
#: anything that listens (json, xml, form) or reads its files stays out.
USUAL_SCHEMES = (
    "discord, fcm, gotifys, mailtos, matrixs, mmosts, ntfys, opsgenie, "
    "pagerduty, pover, pbul, rockets, signals, slack, sns, tgram, twilio, vapid, "
    "whatsapp, workflows, wxteams, zulip"
)


def parse_schemes(text: str) -> frozenset[str]:
    """Read names of schemes, separated by commas.

    Raises:
        ValueError: When one is none.
    """
    schemes = {part.lower() for part in comma_list.parts(text)}
    if not all(re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme) for scheme in schemes):
        message = "must look like 'slack, ntfys, tgram'"
        raise ValueError(message)
    return frozenset(schemes)


def parse(text: str, *, schemes: AbstractSet[str]) -> dict[str, tuple[str, ...]]:
    """Read `{"ops": "slack://…", "phone": ["ntfys://…", "pover://…"]}`.

    Raises:
        ValueError: When it is something else, or an address has a scheme that is not
            one of `schemes`; the message never repeats an address.
    """
    if not text.strip():
        return {}
    try:
        found = msgspec.json.decode(text, type=dict[str, str | list[str]])
    except msgspec.DecodeError:
        message = 'must be JSON like {"ops": "slack://...", "phone": ["ntfys://..."]}'
        raise ValueError(message) from None
    channels = {
        name: (urls,) if isinstance(urls, str) else tuple(urls)
        for name, urls in found.items()
    }
    for name, urls in channels.items():
        if not _NAME.fullmatch(name) or not urls:
            message = (
                "names a channel that is empty, or has other letters than a-z, 0-9, -"
            )
            raise ValueError(message)
        for url in urls:
            _check(name, url, schemes)
    return channels


def _check(name: str, url: str, schemes: AbstractSet[str]) -> None:
    scheme = _SCHEME.match(url)
    if scheme is None:
        message = f"the channel {name} has an address without a scheme"
        raise ValueError(message)
    if scheme[1].lower() not in schemes:
        message = (
            f"the channel {name} uses {scheme[1].lower()}, which "
            "NIGHTSHIFT_NOTIFY_SCHEMES does not allow"
        )
        raise ValueError(message)
