"""Builds classic dashboard JSON: flowing panels, variables, links, annotations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

_SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
_GRID = 24
#: What a variable offers: the metric and label that its values come from.
_VARIABLES = {
    "queue": ("Queue", "nightshift_queue_depth", "queue"),
    "task": ("Task", "nightshift_job_run_duration_seconds_count", "task"),
    "schedule": ("Schedule", "nightshift_schedule_enqueued_total", "schedule"),
    "route": ("Route", "nightshift_http_requests_total", "route"),
    "instance": ("Instance", "nightshift_worker_threads", "instance"),
}
DEPLOYS = (
    "sum by (version) (nightshift_build_info) "
    "unless on (version) sum by (version) (nightshift_build_info offset 5m)"
)

GREEN, YELLOW, RED = "green", "yellow", "red"


@dataclass(frozen=True)
class Query:
    """A PromQL expression and what its series are called."""

    expr: str
    legend: str = "__auto"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        kind: Grafana's name of the panel type.
        title: Its heading.
        description: What it tells and what is well.
        unit: Grafana's name of the unit.
        queries: What it draws.
        width: In 24ths of the screen.
        height: In Grafana's grid rows.
        steps: Colours from a value on: `((None, "green"), (300, "red"))`.
        custom: Options of how series are drawn.
        options: Options of the panel type.
        extra: Anything else of the panel's JSON.
    """

    kind: str
    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    width: int = 12
    height: int = 8
    steps: tuple[tuple[float | None, str], ...] = ()
    custom: Json = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)


def stat(
    title: str,
    expr: str,
    unit: str,
    description: str,
    *,
    steps: tuple[tuple[float | None, str], ...] = (),
    width: int = 4,
    legend: str = "__auto",
) -> Panel:
    """Return one big number."""
    return Panel(
        kind="stat",
        title=title,
        description=description,
        unit=unit,
        queries=(Query(expr, legend),),
        width=width,
        height=4,
        steps=steps,
        options={
            "colorMode": "value" if steps else "none",
            "graphMode": "area",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    )


def series(
    title: str,
    unit: str,
    description: str,
    *queries: Query,
    width: int = 12,
    stacked: bool = False,
    steps: tuple[tuple[float | None, str], ...] = (),
) -> Panel:
    """Return lines over time."""
    custom: Json = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 40 if stacked else 8,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    if steps:
        custom["thresholdsStyle"] = {"mode": "dashed"}
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        unit=unit,
        queries=queries,
        width=width,
        steps=steps,
        custom=custom,
        options={
            "legend": {
                "displayMode": "table",
                "placement": "bottom",
                "calcs": ["lastNotNull", "max"],
                "showLegend": True,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        # Said, not left to Grafana: thresholds would colour all lines of a panel alike.
        defaults={"min": 0, "color": {"mode": "palette-classic"}},
    )


def heatmap(title: str, expr: str, description: str, *, width: int = 12) -> Panel:
    """Return how a histogram's observations spread over time."""
    return Panel(
        kind="heatmap",
        title=title,
        description=description,
        unit="s",
        queries=(Query(expr, "{{le}}"),),
        width=width,
        options={
            "calculate": False,
            "yAxis": {"unit": "s"},
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
            "cellGap": 1,
        },
        extra={"formats": ["heatmap"]},
    )


def table(
    title: str,
    unit: str,
    description: str,
    *columns: Query,
    width: int = 24,
    units: dict[str, str] | None = None,
) -> Panel:
    """Return a table with one column per query, joined on their labels."""
    names = {f"Value #{_letter(i)}": q.legend for i, q in enumerate(columns)}
    if len(columns) == 1:
        names = {"Value": columns[0].legend}
    overrides = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "unit", "value": value}],
        }
        for name, value in (units or {}).items()
    ]
    return Panel(
        kind="table",
        title=title,
        description=description,
        unit=unit,
        queries=tuple(Query(q.expr, "") for q in columns),
        width=width,
        options={"showHeader": True},
        extra={
            "transformations": [
                {"id": "merge", "options": {}},
                {
                    "id": "organize",
                    "options": {"excludeByName": {"Time": True}, "renameByName": names},
                },
            ],
            "overrides": overrides,
        },
    )


def timeline(title: str, query: Query, description: str, *, width: int = 12) -> Panel:
    """Return up and down over time, one band per series."""
    return Panel(
        kind="state-timeline",
        title=title,
        description=description,
        unit="bool_yes_no",
        queries=(query,),
        width=width,
        height=6,
        steps=((None, RED), (1, GREEN)),
        options={"mergeValues": True, "showValue": "never"},
    )


def bars(title: str, query: Query, unit: str, description: str) -> Panel:
    """Return the largest few as bars."""
    return Panel(
        kind="bargauge",
        title=title,
        description=description,
        unit=unit,
        queries=(query,),
        options={
            "displayMode": "basic",
            "orientation": "horizontal",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    )


def dashboard(name: str, title: str, *rows: tuple[str, list[Panel]]) -> Json:
    """Return a dashboard: rows of panels, each filled from left to right."""
    panels: list[Json] = []
    y = 0
    for heading, content in rows:
        panels.append(_row(len(panels) + 1, heading, y))
        y += 1
        x = line = 0
        for panel in content:
            if x + panel.width > _GRID:
                x, y, line = 0, y + line, 0
            panels.append(_panel(len(panels) + 1, panel, x=x, y=y))
            x += panel.width
            line = max(line, panel.height)
        y += line
    text = "".join(str(panel) for panel in panels)
    used = [name for name in _VARIABLES if f"${name}" in text]
    return {
        "uid": f"nightshift-{name}",
        "title": f"Nightshift / {title}",
        "tags": ["nightshift"],
        "timezone": "utc",
        "editable": False,
        "schemaVersion": 41,
        "refresh": "30s",
        "graphTooltip": 1,
        "time": {"from": "now-1h", "to": "now"},
        "links": [
            {
                "title": "Nightshift",
                "type": "dashboards",
                "tags": ["nightshift"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "annotations": {
            "list": [
                {
                    "name": "Deploys",
                    "datasource": _SOURCE,
                    "enable": True,
                    "iconColor": "blue",
                    "target": {
                        "refId": "Anno",
                        "datasource": _SOURCE,
                        "expr": DEPLOYS,
                        "interval": "60s",
                        "legendFormat": "Version {{version}}",
                    },
                    "titleFormat": "Version {{version}}",
                }
            ]
        },
        "templating": {"list": [_datasource(), *map(_variable, used)]},
        "panels": panels,
    }


def _datasource() -> Json:
    return {
        "name": "datasource",
        "type": "datasource",
        "query": "prometheus",
        "label": "Data source",
    }


def _variable(name: str) -> Json:
    label, metric, of = _VARIABLES[name]
    return {
        "name": name,
        "type": "query",
        "label": label,
        "datasource": _SOURCE,
        "query": {"query": f"label_values({metric}, {of})", "refId": "v"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }


def _row(number: int, title: str, y: int) -> Json:
    place = {"x": 0, "y": y, "w": _GRID, "h": 1}
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": place,
        "panels": [],
    }


def _panel(number: int, panel: Panel, *, x: int, y: int) -> Json:
    extra = dict(panel.extra)
    overrides = extra.pop("overrides", [])
    formats = extra.pop("formats", [])
    is_instant = panel.kind in {"table", "bargauge"}
    defaults: Json = {"unit": panel.unit, **panel.defaults}
    if panel.custom:
        defaults["custom"] = panel.custom
    if panel.steps:
        steps = [{"value": value, "color": colour} for value, colour in panel.steps]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    targets = []
    for i, query in enumerate(panel.queries):
        target: Json = {
            "refId": _letter(i),
            "datasource": _SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend,
        }
        if is_instant:
            target |= {"instant": True, "range": False}
        if panel.kind == "table":
            target["format"] = "table"
        if formats:
            target["format"] = formats[0]
        targets.append(target)
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": panel.options,
        "targets": targets,
        **extra,
    }


def _letter(index: int) -> str:
    return "ABCDEFGHIJ"[index]
