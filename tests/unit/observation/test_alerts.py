"""The alert rules in deploy/ ask for what a worker exports, and the page says what to do about each."""

import re
from typing import Any, Literal

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from pydantic import BaseModel, ConfigDict

from exitbrain.infrastructure.observability.metric_families import TROUBLES
from tests.architecture.source import ROOT
from tests.unit.observation.test_dashboard_and_page import unknown_in

DURATION = re.compile(r"[1-9]\d*[smh]")


class Rule(BaseModel):
    """A rule as Prometheus reads it; a misspelt key would silently be nothing."""

    model_config = ConfigDict(extra="forbid")

    alert: str
    expr: str
    labels: dict[Literal["severity"], Literal["page", "ticket"]]
    annotations: dict[Literal["summary"], str]


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))
    assert set(loaded) == {"groups"}
    assert all(set(group) == {"name", "rules"} for group in loaded["groups"])
    return [rule for group in loaded["groups"] for rule in group["rules"]]


RULES = rules()


@pytest.mark.parametrize("given", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_asks_for_metrics_and_labels_that_exist(given: dict[str, Any]) -> None:
    facts = dict(given)
    assert DURATION.fullmatch(facts.pop("for", "1s"))
    rule = Rule(**facts)

    assert "exitbrain_" in rule.expr
    assert unknown_in(rule.expr) == set()
    assert rule.expr.count("(") == rule.expr.count(")")


def test_the_troubles_that_rules_name_are_troubles() -> None:
    for rule in RULES:
        for pattern in re.findall(r'event(?:=|!)~"([^"]+)"', rule["expr"]):
            unknown = [one for one in pattern.split("|") if "(" not in pattern and not _named(one)]
            assert unknown == [], rule["alert"]


def test_every_trouble_of_the_code_is_counted_from_the_start() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("application", "infrastructure")
        for path in sorted((ROOT / folder).rglob("*.py"))
    )
    named = re.findall(r'(?:trouble|Repair)\(\s*"([a-z_]+)"', text)

    assert set(named) == set(TROUBLES)


def test_the_page_says_of_every_alert_what_to_do() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = page.partition("## When an alert fires")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)

    assert told == [rule["alert"] for rule in RULES]


def _named(pattern: str) -> bool:
    return any(re.fullmatch(pattern, name) for name in TROUBLES)
