"""What is wrong with a dashboard: its form, its queries, and what they return.

Every message names the panel and says what to do.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import promql_parser as promql

from tests.support.prometheus import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.prometheus import Prometheus

Json = dict[str, Any]

#: The units that we use, of Grafana's.
UNITS = frozenset(
    {
        *("short", "none", "percentunit", "s", "ops", "reqps", "bytes", "Bps"),
        *("bool_yes_no", "dateTimeFromNow"),
    }
)
DRAW_STYLES = frozenset({"line", "bars", "points"})
#: Panels of which Grafana knows the options that we write.
KINDS = frozenset(
    {
        *("row", "stat", "timeseries", "table", "heatmap"),
        *("bargauge", "state-timeline"),
    }
)
MOST_SERIES = 30
_COUNTERS = ("_total", "_bucket", "_sum", "_count")
_CHANGES = frozenset({"rate", "irate", "increase"})
_BUILT_IN = {"__rate_interval": "2m", "__interval": "1m", "__range": "1h"}
_GRID = 24


@dataclass
class Check:
    """Looks at dashboards with a Prometheus that holds data up to `end`."""

    prometheus: Prometheus
    end: float
    _metrics: set[str] = field(default_factory=set)
    _labels: dict[str, set[str]] = field(default_factory=dict)

    def problems(self, board: Json, *, file_name: str) -> list[str]:
        """Return a sentence per mistake."""
        return [*form_problems(board, file_name=file_name), *self._of_queries(board)]

    def _of_queries(self, board: Json) -> Iterator[str]:
        variables = _variables(board)
        for panel in _panels(board):
            for target in panel.get("targets", []):
                where = f"panel {panel.get('title')!r}, query {target.get('refId')}"
                try:
                    expr = substituted(target["expr"], variables)
                    found = self._of_expression(expr)
                    if not found:
                        found = self._of_answer(expr, panel, target)
                except (ValueError, QueryError) as error:
                    found = [f"Prometheus refuses it, mend it: {str(error)[:200]}"]
                for problem in found:
                    yield f"{where}: {problem}"

    def _of_expression(self, expr: str) -> list[str]:
        known = self._metrics or self.prometheus.metrics()
        self._metrics = known
        found = []
        for selector, parents in _selectors(promql.parse(expr)):
            name = selector.name
            if name not in known:
                found.append(f"no metric is called {name}; see docs/reference")
                continue
            calls = {p.func.name for p in parents if type(p).__name__ == "Call"}
            if name.endswith(_COUNTERS) and not calls & _CHANGES:
                found.append(f"{name} is a counter; put it under rate or increase")
            labels = self._labels_of(name)
            found += [
                f"{name} has no label {matcher.name} to match"
                for matcher in selector.matchers.matchers
                if matcher.name not in labels
            ]
            found += [
                f"{name} has no label {label} to group by"
                for label in _grouped_by(parents)
                if label not in labels
            ]
        return found

    def _of_answer(self, expr: str, panel: Json, target: Json) -> list[str]:
        if target.get("instant"):
            answer = self.prometheus.query(expr, time=self.end)
        else:
            answer = self.prometheus.query_range(
                expr, start=self.end - 3600, end=self.end, step=60
            )
        if not answer:
            return ["it returns nothing; does every matcher select something?"]
        if len(answer) > MOST_SERIES and panel["type"] != "heatmap":
            return [f"{len(answer)} series are too many; aggregate or use topk"]
        if all(_is_nan(series) for series in answer):
            return ["it returns only NaN; was `le` dropped before the quantile?"]
        if panel["type"] == "timeseries" and len(answer) > 1:
            legend = target.get("legendFormat", "")
            if "{{" not in legend:
                return [f"{len(answer)} series need a legend such as {{{{queue}}}}"]
        return []

    def _labels_of(self, metric: str) -> set[str]:
        if metric not in self._labels:
            self._labels[metric] = self.prometheus.labels(metric)
        return self._labels[metric]


def form_problems(board: Json, *, file_name: str) -> Iterator[str]:
    """Tell what is wrong without asking anybody."""
    if board.get("uid") != file_name.removesuffix(".json"):
        yield "the uid must be the file's name"
    for part in ("title", "schemaVersion", "tags", "time", "links", "annotations"):
        if not board.get(part):
            yield f"{part} is missing; Grafana or the other dashboards need it"
    if "__inputs" in board or board.get("id"):
        yield "it is an export; take out __inputs and the numeric id"
    if board.get("editable") is not False:
        yield "editable must be false: the files are the truth"
    if board.get("graphTooltip") != 1:
        yield "graphTooltip must be 1, for a shared crosshair"
    yield from _variable_problems(board)
    yield from _place_problems(board)
    for panel in _panels(board):
        for problem in _panel_problems(panel, set(_variables(board))):
            yield f"panel {panel.get('title')!r}: {problem}"


def substituted(expr: str, variables: dict[str, Json]) -> str:
    """Return an expression as Grafana would send it with "All" chosen."""
    for name, value in _BUILT_IN.items():
        expr = expr.replace(f"${name}", value)
    for name, variable in variables.items():
        value = variable.get("allValue", ".+")
        expr = re.sub(rf"\$\{{?{name}\b\}}?", value, expr)
    return expr


def _variable_problems(board: Json) -> Iterator[str]:
    variables = _variables(board)
    if variables.get("datasource", {}).get("type") != "datasource":
        yield "there is no datasource variable; add one"
    rest = {name: value for name, value in board.items() if name != "templating"}
    text = json.dumps(rest)
    for name, variable in variables.items():
        if not re.search(rf"\$\{{?{name}\b", text):
            yield f"the variable {name} is unused; take it out"
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield f"the variable {name} must refresh with the time range (2)"


def _place_problems(board: Json) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    numbers: set[int] = set()
    for panel in board["panels"]:
        title, place = str(panel.get("title")), panel["gridPos"]
        if panel["id"] in numbers:
            yield f"panel {title!r}: the id {panel['id']} is used twice; renumber"
        numbers.add(panel["id"])
        if place["x"] + place["w"] > _GRID:
            yield f"panel {title!r} is wider than the grid; narrow it"
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        for other in sorted({taken[cell] for cell in cells if cell in taken}):
            yield f"panel {title!r} overlaps {other!r}; move it"
        taken |= dict.fromkeys(cells, title)


def _panel_problems(panel: Json, variables: set[str]) -> Iterator[str]:
    if panel["type"] not in KINDS:
        yield f"nobody checked the type {panel['type']!r}; use another or teach us"
    for part in ("title", "description", "targets"):
        if not panel.get(part):
            yield f"it has no {part}"
    defaults = panel["fieldConfig"]["defaults"]
    if defaults.get("unit") not in UNITS:
        yield f"{defaults.get('unit')!r} is no unit of ours"
    style = defaults.get("custom", {}).get("drawStyle", "line")
    if style not in DRAW_STYLES:
        yield f"{style!r} is no draw style; use one of {sorted(DRAW_STYLES)}"
    for holder in (panel, *panel.get("targets", [])):
        if (holder.get("datasource") or {}).get("uid") != "${datasource}":
            yield "it must use the datasource variable"
    letters = [target.get("refId") for target in panel.get("targets", [])]
    if len(letters) != len(set(letters)):
        yield "a refId is used twice"
    yield from _range_problems(panel, variables)


def _range_problems(panel: Json, variables: set[str]) -> Iterator[str]:
    for target in panel.get("targets", []):
        expr = target["expr"]
        for name in re.findall(r"\$\{?(\w+)", expr):
            if name not in variables and name not in _BUILT_IN:
                yield f"${name} is no variable"
        if panel["type"] == "timeseries" and re.search(r"\[\d+[smhd]\]", expr):
            yield "a fixed range hides peaks; use $__rate_interval"


def _variables(board: Json) -> dict[str, Json]:
    return {v["name"]: v for v in board.get("templating", {}).get("list", [])}


def _panels(board: Json) -> list[Json]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


_CHILDREN = ("expr", "lhs", "rhs", "param", "vs", "vector_selector")


def _selectors(node: Any, parents: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    if type(node).__name__ == "VectorSelector":
        yield node, parents
    below = [getattr(node, name, None) for name in _CHILDREN]
    below += list(getattr(node, "args", None) or [])
    for child in below:
        if child is not None and not isinstance(child, (str, int, float)):
            yield from _selectors(child, (*parents, node))


def _grouped_by(parents: tuple[Any, ...]) -> Iterator[str]:
    for parent in parents:
        modifier = getattr(parent, "modifier", None)
        if modifier is not None and "By" in str(getattr(modifier, "type", "")):
            yield from modifier.labels or []


def _is_nan(series: Json) -> bool:
    values = series.get("values") or [series["value"]]
    return all(value == "NaN" for _, value in values)
