"""Which part of a picture becomes how large; whole numbers and no image library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Size = tuple[int, int]
Fit = Literal["inside", "cover", "contain"]


@dataclass(frozen=True)
class Plan:
    """How to get from a picture to its new size; sizes are of the upright picture.

    Attributes:
        region: Width and height of the centred part that is used, in source pixels.
        target: What that part becomes.
        canvas: What it is laid on, centred; None when that is not wanted.
    """

    region: tuple[float, float]
    target: Size
    canvas: Size | None = None


def plan(
    size: Size,
    *,
    width: int | None,
    height: int | None,
    fit: Fit,
    enlarge: bool = False,
) -> Plan:
    """Plan a resize, which makes nothing larger unless `enlarge` says so.

    >>> plan((400, 200), width=100, height=None, fit="inside").target
    (100, 50)
    >>> plan((400, 200), width=100, height=100, fit="cover")
    Plan(region=(200.0, 200.0), target=(100, 100), canvas=None)
    """
    if width is None or height is None or fit == "inside":
        return _inside(size, width, height, enlarge=enlarge)
    if fit == "cover":
        return _cover(size, width, height, enlarge=enlarge)
    inside = _inside(size, width, height, enlarge=enlarge)
    return Plan(inside.region, inside.target, canvas=(width, height))


def inside(size: Size, *, longest: int) -> Size:
    """Return the size whose longest side is `longest`, or `size` if that is smaller."""
    return _inside(size, longest, longest, enlarge=False).target


def _inside(
    size: Size, width: int | None, height: int | None, *, enlarge: bool
) -> Plan:
    scales = [
        wanted / actual
        for wanted, actual in zip((width, height), size, strict=True)
        if wanted is not None
    ]
    scale = min(scales, default=1.0)
    if not enlarge:
        scale = min(scale, 1.0)
    target = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    return Plan((float(size[0]), float(size[1])), target)


def _cover(size: Size, width: int, height: int, *, enlarge: bool) -> Plan:
    scale = max(width / size[0], height / size[1])
    region = (min(size[0], width / scale), min(size[1], height / scale))
    if scale > 1 and not enlarge:
        # Too small to fill the box: the largest part of the box's shape, as it is.
        return Plan(region, (max(1, round(region[0])), max(1, round(region[1]))))
    return Plan(region, (width, height))
