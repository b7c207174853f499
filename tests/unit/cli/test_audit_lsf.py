"""The command `audit lsf`: its forms, its selections, and how much of it is shown."""

import csv
import io
from decimal import Context, Decimal, Inexact
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli import messages
from tests.unit.cli.conftest import Ended, Exitbrain

BTC, ETH = "BTCUSDT", "ETHUSDT"


@pytest.fixture
def told(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder whose default store holds four changes: three of BTC in two positions, one of ETH."""
    closed = {"symbol": BTC, "pnl_percent": "-0.7", "order_id": "77", "reason": "stop"}
    story = [
        messages.intent(1, BTC, "BUY"),
        messages.intent(2, ETH, "SELL", leverage="25"),
        messages.intent(3, BTC, "BUY", leverage="20"),
        messages.line("trade.closed", 4, closed),
        messages.intent(5, BTC, "BUY", leverage="20"),
        messages.intent(6, ETH, "SELL", leverage="50"),
        messages.intent(7, BTC, "BUY", leverage="20", confidence="0.4"),
        messages.intent(8, BTC, "BUY", leverage="20", confidence="0.4"),
    ]
    messages.write(Path("story.jsonl"), story)
    assert exitbrain("ingest", "story.jsonl", "--policy", "v3.6").code == 0
    return exitbrain


def changes(told: Exitbrain, *flags: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told("audit", "lsf", "--json", *flags).report["changes"]
    return found


def seconds(found: list[dict[str, Any]]) -> list[str]:
    """Return when changes occurred, as the number of their message."""
    return [change["at"][18] for change in found]


def test_effects_are_exact_decimals_that_sum_to_the_delta(told: Exitbrain) -> None:
    found = changes(told)

    assert seconds(found) == ["3", "5", "6", "7"]
    exact = Context(prec=2500, traps=[Inexact])
    names = ("leverage_effect", "pnl_effect", "confidence_effect", "policy_effect")
    for change in found:
        assert reduce(exact.add, [Decimal(change[name]) for name in names]) == Decimal(change["delta"])
        assert exact.subtract(Decimal(change["after"]), Decimal(change["before"])) == Decimal(change["delta"])
    assert [[name for name in names if change[name] != "0"] for change in found] == [
        ["leverage_effect"],
        ["pnl_effect"],
        ["leverage_effect", "pnl_effect"],
        ["confidence_effect"],
    ]
    assert found[0]["at"] == "2026-01-01T12:00:03Z"


def test_each_change_shows_its_inputs_before_and_after(told: Exitbrain) -> None:
    first = {"leverage": 10.0, "average_pnl": 0.0, "confidence": 0.8, "policy": "v3.6"}

    assert [change["inputs"] for change in changes(told, "--symbol", BTC)] == [
        {"before": first, "after": {**first, "leverage": 20.0}},
        {"before": {**first, "leverage": 20.0}, "after": {**first, "leverage": 20.0, "average_pnl": -0.7}},
        {
            "before": {**first, "leverage": 20.0, "average_pnl": -0.7},
            "after": {**first, "leverage": 20.0, "average_pnl": -0.7, "confidence": 0.4},
        },
    ]


def test_the_closes_behind_an_average_are_there_on_request(told: Exitbrain) -> None:
    assert all("closes" not in change for change in changes(told))

    first, second, *_ = changes(told, "--closes")

    assert first["closes"] == {"before": [], "after": []}
    (close,) = second["closes"]["after"]
    assert second["closes"]["before"] == []
    assert (close["symbol"], close["pnl_percent"], close["at"]) == (BTC, "-0.7", "2026-01-01T12:00:04Z")
    assert close["position_id"] == first["position_id"]

    shown = told("audit", "lsf", "--closes", "--decision", second["decision_id"]).stdout
    assert (
        f"Decision {second['decision_id'][:8]} of {BTC}: average PnL -0.7 % of 1 close, before of no" in shown
    )
    assert (
        f"  + 2026-01-01 12:00:04  -0.7 % {BTC}, position {first['position_id'][:8]}, log position" in shown
    )


def test_csv_says_what_json_says(told: Exitbrain) -> None:
    found = changes(told)
    printed = told("audit", "lsf", "--csv", "-").stdout
    formatted = told("audit", "lsf", "--format", "csv").stdout
    to_file = told("audit", "lsf", "--csv", "lsf.csv")

    for row, change in zip(csv.DictReader(io.StringIO(printed)), found, strict=True):
        inputs = change.pop("inputs")
        sides = {f"{name}_{side}": inputs[side][name] for side in inputs for name in inputs[side]}
        assert row == {name: str(value) for name, value in {**change, **sides}.items()}
    assert printed == formatted == Path("lsf.csv").read_text(encoding="utf-8")
    assert (to_file.stdout, to_file.stderr) == ("", "4 changes written to lsf.csv\n")


def test_a_summary_of_everything_selected_comes_first(told: Exitbrain) -> None:
    shown = told("audit", "lsf").stdout.splitlines()

    assert shown[0] == (
        "The LSF changed in 4 of 7 decisions (2026-01-01 12:00:03 to 2026-01-01 12:00:07 UTC)."
        " Changed by: leverage 2, average PnL 2, confidence 1. Causes: INTENT 4."
    )
    assert told("audit", "lsf", "--json", "--limit", "1").report["summary"] == {
        "decisions": 7,
        "changes": 4,
        "first": "2026-01-01T12:00:03Z",
        "last": "2026-01-01T12:00:07Z",
        "effects": {"leverage": 2, "pnl": 2, "confidence": 1, "policy": 0},
        "causes": {"INTENT": 4},
    }


def test_the_table_shows_effects_with_their_inputs(told: Exitbrain) -> None:
    row = next(
        line
        for line in told("audit", "lsf", "--wide").stdout.splitlines()
        if "12:00:07" in line and "│" in line
    )

    cells = [cell.strip() for cell in row.split("│")]
    assert cells[3:9] == [
        "0.222523 → 0.210161",
        "-0.01236",
        "0 (20)",
        "0 (-0.7)",
        "-0.01236 (0.8 → 0.4)",
        "0 (v3.6)",
    ]


def test_a_limit_takes_the_newest_in_every_form(told: Exitbrain) -> None:
    assert seconds(changes(told, "--limit", "2")) == ["6", "7"]
    assert len(told("audit", "lsf", "--csv", "-", "--limit", "3").stdout.splitlines()) == 1 + 3
    assert told("audit", "lsf", "--csv", "lsf.csv", "--limit", "3").stderr == "3 changes written to lsf.csv\n"
    shown = told("audit", "lsf", "--limit", "1").stdout
    assert "12:00:06 │" not in shown
    assert shown.splitlines()[-1].startswith(
        "These are the newest 1; 3 older ones are not shown: --limit 0 shows"
    )


def test_a_table_has_at_most_200_rows_unless_asked(exitbrain: Exitbrain) -> None:
    story = [messages.intent(n, BTC, "BUY", leverage=str(10 + n % 2)) for n in range(203)]
    messages.write(Path("story.jsonl"), story)
    exitbrain("ingest", "story.jsonl")

    shown = exitbrain("audit", "lsf").stdout

    assert shown.count(f"│ {BTC} │") == 200
    assert "These are the newest 200; 2 older ones are not shown" in shown
    assert exitbrain("audit", "lsf", "--limit", "0").stdout.count(f"│ {BTC} │") == 202
    assert (
        len(changes(exitbrain)) == len(exitbrain("audit", "lsf", "--csv", "-").stdout.splitlines()) - 1 == 202
    )


def test_position_and_decision_are_selected_by_the_beginning_of_their_ids(told: Exitbrain) -> None:
    one, two, _, three = changes(told)

    assert seconds(changes(told, "--position", one["position_id"])) == ["3"]
    assert seconds(changes(told, "--position", two["position_id"][:9].upper())) == ["5", "7"]
    assert seconds(changes(told, "--decision", three["decision_id"][:8])) == ["7"]


def test_the_decision_before_is_found_outside_the_selection(told: Exitbrain) -> None:
    (change,) = changes(told, "--since", "2026-01-01T12:00:07Z")

    assert (change["inputs"]["before"]["confidence"], change["inputs"]["after"]["confidence"]) == (0.8, 0.4)


def test_policy_and_cause_are_selected(told: Exitbrain) -> None:
    assert len(changes(told, "--policy", "v3.6", "--cause", "intent")) == 4
    assert changes(told, "--policy", "v3.5") == []
    assert told("audit", "lsf", "--policy", "v3.5").stdout == "No decision with levels was selected.\n"


def test_an_id_that_does_not_exist_or_fits_several_is_said(told: Exitbrain) -> None:
    def said(*flags: str) -> Ended:
        ended = told("audit", "lsf", *flags)
        assert ended.stdout == ""
        return ended

    assert said("--decision", "zz") == (
        3,
        "",
        "exitbrain: this store holds no computed levels of decision 'zz'\n",
    )
    assert (
        said("--position", "zz").stderr == "exitbrain: this store holds no computed levels of position 'zz'\n"
    )
    assert said("--decision", "", "--json").code == 2
    assert said("--position", "", "--csv", "-").stderr.startswith("exitbrain: '' fits 3 of this store (")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--policy", "v9"], "--policy is 'v9'; allowed: a policy of the store: v3.5, v3.5-fraction, v3.6"),
        (["--cause", "weather"], "--cause is 'weather'; allowed: INTENT"),
        (["--limit", "-1"], "--limit is -1; allowed: a number of rows, or 0 for all"),
        (
            ["--closes", "--csv", "-"],
            "--closes does not fit into CSV rows; use --json or a table",
        ),
        (["--format", "xml"], "--format is 'xml'; allowed: table or csv"),
    ],
)
def test_a_wrong_flag_is_told_in_one_sentence(told: Exitbrain, flags: list[str], sentence: str) -> None:
    assert told("audit", "lsf", *flags) == (2, "", f"exitbrain: {sentence}\n")


def test_a_selection_without_a_change_says_so(told: Exitbrain) -> None:
    shown = told("audit", "lsf", "--symbol", ETH, "--until", "2026-01-01T12:00:03Z").stdout

    assert shown == "The LSF changed in none of the selected decisions (1).\n"
