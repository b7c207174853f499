"""The dashboard and the page of observability speak of the metrics that there are, and of all of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exitbrain.infrastructure.settings import Settings
from tests.unit.observation.live_path import told_everything

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "observability.md").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana-dashboard.json").read_text(encoding="utf-8"))

_NAME = re.compile(r"\b((?:exitbrain|process)_[a-z_]+)\b")
_LABEL = re.compile(r"(\w+)(?:=~|!~|!=|=)\"")
_BY = re.compile(r"by \(([^)]*)\)")
_OF_THE_FORMAT = {"le", "version", "python", "mode"}
_OF_THE_SCRAPER = {"instance", "job"}
_OF_THE_CLIENT = ("_created",)


class Described:
    """A metric as a scraper sees it."""

    def __init__(self, name: str, kind: str, labels: set[str], samples: set[str], text: str) -> None:
        self.name = name
        self.kind = kind
        self.labels = labels
        self.samples = samples
        self.text = text


def metrics() -> dict[str, Described]:
    """Return every metric of ours by the name under which it is asked for."""
    found = {}
    text = told_everything().metrics.exposition()[0].decode()
    for family in text_string_to_metric_families(text):
        if not family.name.startswith("exitbrain_") or family.name.endswith(_OF_THE_CLIENT):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - _OF_THE_FORMAT
        samples = {sample.name for sample in family.samples}
        assert samples, f"{name} has no sample; told_everything must tell of it"
        found[name] = Described(name, family.type, labels, samples, family.documentation)
    return found


METRICS = metrics()
SAMPLES = {sample for metric in METRICS.values() for sample in metric.samples}
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
LABELS = {label for metric in METRICS.values() for label in metric.labels}


def expressions(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the title of each panel with each of its queries."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def unknown_in(expression: str) -> set[str]:
    """Return the metrics and labels of a query that we do not have."""
    grouped = {one.strip() for group in _BY.findall(expression) for one in group.split(",")}
    labels = grouped | set(_LABEL.findall(expression))
    known = LABELS | _OF_THE_FORMAT | _OF_THE_SCRAPER
    return (set(_NAME.findall(expression)) - SAMPLES - PROCESS) | (labels - known)


@pytest.mark.parametrize(("title", "expression"), list(expressions(DASHBOARD)))
def test_a_panel_asks_for_metrics_and_labels_that_exist(title: str, expression: str) -> None:
    assert _NAME.search(expression), title
    assert unknown_in(expression) == set()


def test_a_metric_or_label_that_does_not_exist_is_noticed() -> None:
    assert unknown_in('sum by (outcom) (exitbrain_message_total{reasn="x"})') == {
        "outcom",
        "reasn",
        "exitbrain_message_total",
    }


def test_the_dashboard_shows_every_metric() -> None:
    asked = " ".join(expression for _, expression in expressions(DASHBOARD))

    assert [
        metric.name for metric in METRICS.values() if not any(name in asked for name in metric.samples)
    ] == []


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    panels = DASHBOARD["panels"]
    ids = [panel["id"] for panel in panels]

    assert DASHBOARD["uid"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert len(set(ids)) == len(ids)
    assert {panel["type"] for panel in panels} <= {"row", "stat", "timeseries"}
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels)))
    assert used <= variables | {"__rate_interval"}


def test_no_two_panels_of_the_dashboard_lie_on_each_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]


def test_the_page_has_a_row_for_every_metric_and_for_no_other() -> None:
    rows = re.findall(r"^\| `(exitbrain_\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$", PAGE, re.MULTILINE)

    told = {name: (kind, labels, text) for name, kind, labels, text in rows}
    assert told == {
        metric.name: (metric.kind, ", ".join(f"`{label}`" for label in sorted(metric.labels)), metric.text)
        for metric in METRICS.values()
    }


def test_the_page_names_the_settings_as_they_are() -> None:
    named = re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", PAGE, re.MULTILINE)

    assert named == [
        (name.upper(), Settings.model_fields[name].default) for name in ("health", "log_level", "log_form")
    ]
