"""One sentence for the next page: what an action has done."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Literal

import msgspec
from flask import redirect, request

from services.api.ui import cookies

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

Kind = Literal["done", "info", "wrong"]
_LIFE_S = 60
_LONGEST = 1_000


class Flash(msgspec.Struct, frozen=True):
    """A sentence.

    Attributes:
        kind: `done`, `info` or `wrong`.
        text: The sentence.
        link: An address of ours to follow; empty for none.
        label: What the link says.
    """

    kind: Kind
    text: str
    link: str = ""
    label: str = ""


_DECODER = msgspec.json.Decoder(Flash)


def back(
    target: str, text: str, *, kind: Kind = "done", link: str = "", label: str = ""
) -> Response:
    """Return the redirect that ends an action and shows `text` on the next page.

    Args:
        target: An address of the dashboard.
        text: One sentence.
        kind: How it is meant.
        link: An address of ours to follow.
        label: What the link says.
    """
    response = redirect(target, code=303)
    flash = Flash(kind, text[:_LONGEST], link, label)
    value = base64.urlsafe_b64encode(msgspec.json.encode(flash)).decode()
    cookies.put(response, cookies.FLASH, value, life_s=_LIFE_S)
    return response


def pending() -> Flash | None:
    """Return the sentence that the current request brings along."""
    value = request.cookies.get(cookies.FLASH, "")
    if not value:
        return None
    try:
        flash = _DECODER.decode(base64.urlsafe_b64decode(value))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    # The cookie is not signed; whoever plants one must not lead people elsewhere.
    is_ours = flash.link.startswith("/admin/queues") or not flash.link
    return flash if is_ours else None
