"""`explain`: whoever evaluates the printed lines gets the same bits."""

import json
import re
from collections.abc import Callable, Iterable
from decimal import Context, Decimal
from pathlib import Path

import pytest

from exitbrain.domain.levels.levels import LEVELS
from tests.unit.cli.conftest import Exitbrain

_LINE = re.compile(r"^(\w+) = ([^#]+?)(?:  # (.+))?$")
_BRACKETS = ["--instruments", "instruments.json", "--symbol", "BTCUSDT", "--policy", "v3.6"]

CASES = {
    "clamped": ["--leverage", "20", "--volatility", "1.5"],
    "as it was meant": ["--leverage", "77.7", "--funding", "0.01", "--policy", "v3.5-fraction"],
    "below every minimum": ["--leverage", "3", "--base-tp", "1e-4", "--base-sl", "1e-4", "--policy", "v3.6"],
    "after losses": ["--leverage", "9", "--avg-pnl=-1", "--confidence", "0.2", "--policy", "v3.6"],
    "cut by liquidation": ["--leverage", "100", *_BRACKETS],
    "of known size": [
        *("--leverage", "60", "--side", "SHORT", "--entry", "60000.5", "--quantity", "0.75"),
        *_BRACKETS,
    ],
}


@pytest.fixture
def knowing_btc(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder with a file of instruments."""
    brackets = [[0, 50000, 0.004, 125], [50000, 600000, 0.005, 100]]
    rules = {"BTCUSDT": {"tick_size": "0.1", "brackets": brackets}}
    Path("instruments.json").write_text(json.dumps(rules), encoding="utf-8")
    return exitbrain


def evaluated(lines: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Evaluate `name = expression` lines in their order, knowing nothing but what the printed notation says."""
    notation: dict[str, Callable[..., float]] = {
        "ln": lambda x: float(Decimal(x).ln(Context(prec=60))),
        "where": lambda condition, then, otherwise: then if condition else otherwise,
        "max": lambda a, b: b if b > a else a,
        "min": lambda a, b: b if b < a else a,
    }
    values: dict[str, float] = {}
    for name, expression in lines:
        values[name] = eval(expression, {"__builtins__": {}}, {**notation, **values})  # noqa: S307 - our own lines
    return values


@pytest.mark.parametrize("case", CASES)
def test_json_lines_evaluate_to_the_levels(knowing_btc: Exitbrain, case: str) -> None:
    report = knowing_btc("explain", *CASES[case], "--json").report

    values = evaluated((line["name"], line["expression"]) for line in report["lines"])

    assert {level: values[level].hex() for level in LEVELS} == {
        level: report[level].hex() for level in LEVELS
    }
    assert values["lsf"] == report["lsf"]
    assert values["pnl_factor"] == report["pnl_factor"]


@pytest.mark.parametrize("case", CASES)
def test_text_lines_evaluate_to_what_stands_behind_them(knowing_btc: Exitbrain, case: str) -> None:
    text = knowing_btc("explain", *CASES[case], "--full").stdout
    report = knowing_btc("explain", *CASES[case], "--json").report

    lines = [found for found in map(_LINE.match, text.splitlines()) if found]
    values = evaluated((line[1], line[2]) for line in lines)

    assert {name: value.hex() for name, value in values.items()} == {
        line["name"]: line["value"].hex() for line in report["lines"]
    }
    assert all(repr(values[line[1]]) == line[3] for line in lines if line[3])


def test_every_line_uses_only_lines_above(exitbrain: Exitbrain) -> None:
    lines = exitbrain("explain", *CASES["after losses"], "--json").report["lines"]

    above: set[str] = set()
    for line in lines:
        assert set(line["uses"]) <= above
        above.add(line["name"])


def test_explain_says_everything_that_levels_says(exitbrain: Exitbrain) -> None:
    levels = exitbrain("levels", *CASES["after losses"], "--json").report
    explained = exitbrain("explain", *CASES["after losses"], "--json").report

    assert {key: explained[key] for key in levels} == levels
    assert explained["recorded"] is None


def test_the_tree_goes_down_from_each_level_to_the_inputs(exitbrain: Exitbrain) -> None:
    text = exitbrain("explain", *CASES["clamped"], "--full").stdout

    tree = text[text.index("\ntp1: 0.847247979309735 from") :]
    assert "── leverage: 20.0\n" in tree
    assert all(f"\n{level}: " in tree for level in LEVELS)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["3f2a91c0", "--leverage", "5"],
        ["--leverage", "5", "--at", "2026-01-01"],
        ["--leverage", "5", "--chain"],
        ["--at", "2026-01-01"],
    ],
)
def test_explain_takes_a_decision_or_inputs(exitbrain: Exitbrain, arguments: list[str]) -> None:
    ended = exitbrain("explain", *arguments)

    assert (ended.code, ended.stdout) == (2, "")
    assert "inputs" in ended.stderr


def test_the_derivation_is_shown_only_in_full(exitbrain: Exitbrain) -> None:
    assert "lsf = 1.0 /" not in exitbrain("explain", *CASES["clamped"]).stdout


def test_text_lines_are_grouped_into_inputs_parameters_and_steps(exitbrain: Exitbrain) -> None:
    text = exitbrain("explain", *CASES["clamped"], "--full").stdout

    inputs, _, rest = text.partition("\nInputs\n")[2].partition("\nParameters\n")
    parameters, _, steps = rest.partition("\nSteps\n")
    assert "leverage = 20.0" in inputs.splitlines()
    assert "clamp_max = 0.02" in parameters.splitlines()
    assert "lsf = 1.0 / (1.0 + ln(L + 1.0))  # 0.24724797930973505" in steps.splitlines()
