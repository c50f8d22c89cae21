"""The text of `/metrics`, made fast enough for hundreds of queues.

The client formats every label of every series anew, 20 microseconds a line: for 200
queues that is a fifth of a second of a process that has jobs to run. Here what stands
before the value of a line is made once per series.
"""
# ruff: noqa: SLF001 - the client has no faster way to its values; a test compares both

from __future__ import annotations

import threading
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    REGISTRY,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics import MetricWrapperBase

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_TYPES: dict[type, str] = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
#: Beginnings of lines per metric, then per values of its labels. As few as there are
#: series, which labels that hold no id keep few.
_Heads = dict[tuple[str, ...], tuple[str, ...]]


class Exposition:
    """Writes the metrics of one registry; all methods may be called by any thread."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        """Write what `registry` holds."""
        self._registry = registry
        self._heads: dict[MetricWrapperBase, _Heads] = {}
        self._lock = threading.Lock()

    def text(self) -> bytes:
        """Return every metric in Prometheus's text format 0.0.4.

        The moments when counters began are left out: they are a series for each series,
        and no rule or panel reads them.
        """
        with self._lock:
            collectors = list(self._registry._collector_to_names)
            lines: list[str] = []
            others = _Others()
            for collector in collectors:
                if type(collector) in _TYPES:
                    lines += self._family(collector)  # type: ignore[arg-type]
                else:
                    others.collectors.append(collector)
            return "".join(lines).encode() + generate_latest(others)

    def _family(self, metric: MetricWrapperBase) -> list[str]:
        name = metric._name + ("_total" if isinstance(metric, Counter) else "")
        documentation = metric._documentation.replace("\\", r"\\").replace("\n", r"\n")
        lines = [
            f"# HELP {name} {documentation}\n",
            f"# TYPE {name} {_TYPES[type(metric)]}\n",
        ]
        heads = self._heads.setdefault(metric, {})
        has_many_values = isinstance(metric, Histogram)
        for labels, child in _children(metric):
            known = heads.get(labels)
            if known is None:
                known = heads[labels] = _heads_of(metric, name, labels)
            if has_many_values:
                lines += map(_line, known, _distribution(child))
            else:
                lines.append(_line(known[0], _value(child)))
        return lines


class _Others:
    """Collectors that are not ours, such as the one of the process."""

    def __init__(self) -> None:
        self.collectors: list[Any] = []

    def collect(self) -> Iterable[Any]:
        for collector in self.collectors:
            yield from collector.collect()


def _children(metric: MetricWrapperBase) -> list[tuple[tuple[str, ...], Any]]:
    if not metric._labelnames:
        return [((), metric)]
    with metric._lock:
        return [(tuple(values), child) for values, child in metric._metrics.items()]


def _value(child: Any) -> float:
    told = child.__dict__.get("_child_samples")
    # A gauge that a function tells has replaced this method.
    value: float = told()[0].value if told else child._value.get()
    return value


def _distribution(child: Any) -> list[float]:
    counts = list(accumulate(bucket.get() for bucket in child._buckets))
    return [*counts, counts[-1], child._sum.get()]


def _heads_of(
    metric: MetricWrapperBase, name: str, values: tuple[str, ...]
) -> tuple[str, ...]:
    labels = dict(zip(metric._labelnames, values, strict=True))
    if not isinstance(metric, Histogram):
        return (_head(name, labels),)
    return (
        *(
            _head(f"{name}_bucket", {**labels, "le": floatToGoString(bound)})
            for bound in metric._upper_bounds
        ),
        _head(f"{name}_count", labels),
        _head(f"{name}_sum", labels),
    )


def _head(name: str, labels: dict[str, str]) -> str:
    if not labels:
        return f"{name} "
    inside = ",".join(f'{key}="{_escaped(labels[key])}"' for key in sorted(labels))
    return f"{name}{{{inside}}} "


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _line(head: str, value: float) -> str:
    number = repr(value)
    if number[-1] in "fn":  # inf or nan, which Prometheus writes in its own way
        number = floatToGoString(value)
    return f"{head}{number}\n"
