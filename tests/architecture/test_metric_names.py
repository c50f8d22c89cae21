"""Metrics are ours by name and say their unit."""

from __future__ import annotations

import pytest
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from shared import metrics

ALL = {
    name: value
    for name, value in vars(metrics).items()
    if isinstance(value, MetricWrapperBase)
}
#: Labels that have few values; an id or a message never is one.
BOUNDED = {
    "method",
    "outcome",
    "queue",
    "reason",
    "revision",
    "role",
    "route",
    "schedule",
    "state",
    "status",
    "task",
    "version",
}


def test_there_are_metrics() -> None:
    assert len(ALL) > 10


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_metric_begins_with_our_name(name: str) -> None:
    assert ALL[name]._name.startswith("nightshift_")


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_metric_has_a_sentence_and_bounded_labels(name: str) -> None:
    metric = ALL[name]
    assert metric._documentation.endswith(".")
    assert set(metric._labelnames) <= BOUNDED


@pytest.mark.parametrize("name", sorted(ALL))
def test_durations_are_in_seconds(name: str) -> None:
    metric = ALL[name]
    if isinstance(metric, Histogram):
        assert metric._name.endswith("_seconds")
    if isinstance(metric, Counter):
        assert not metric._name.endswith("_total"), "the client adds it"
    assert not metric._name.endswith(("_ms", "_milliseconds"))


def test_no_two_metrics_share_a_name() -> None:
    names = [metric._name for metric in ALL.values()]
    assert len(names) == len(set(names))
