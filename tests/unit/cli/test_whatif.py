"""The command `whatif`: one policy or a grid of them on the decisions of a store."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from exitbrain.infrastructure.lab.pairs_file import COLUMNS
from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain


@pytest.fixture
def stored(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder whose default store holds three decisions under v3.5."""
    messages.write(Path("story.jsonl"), messages.story())
    assert exitbrain("ingest", "story.jsonl").code == 0
    return exitbrain


def test_the_answer_has_the_keys_of_the_contract(stored: Exitbrain) -> None:
    ended = stored("whatif", "--policy", "v3.6", "--json")

    report = ended.report
    assert (ended.code, report["policy"], report["decisions"], report["changed"]) == (0, "v3.6", 3, 3)
    assert set(report["fields"]) == {"tp1", "tp2", "tp3", "sl", "lsf"}
    assert set(report["fields"]["sl"]) == {"changed", "min", "mean", "max"}
    assert report["guards"]["before"]["stop_wider_than_costs"] == {"passed": 0, "failed": 3, "unknown": 0}
    assert report["guards"]["after"]["stop_wider_than_costs"] == {"passed": 3, "failed": 0, "unknown": 0}
    assert "policies" not in report


def test_a_sweep_answers_for_every_policy_of_the_grid(stored: Exitbrain) -> None:
    report = stored(
        *("whatif", "--policy", "v3.6", "--set", "clamp_max=0.03"),
        *("--sweep", "base_sl=0.002:0.004:0.001", "--sweep", "spacing=1.1:1.2:0.1", "--json"),
    ).report

    asked = [each["parameters"] for each in report["policies"]]
    assert asked[0] == {"clamp_max": 0.03, "base_sl": 0.002, "spacing": 1.1}
    assert len(asked) == 6
    assert "fields" not in report
    means = [each["fields"]["sl"]["mean"] for each in report["policies"]]
    assert means == sorted(means)
    assert means[0] < means[-1]


def test_both_lanes_print_the_same(stored: Exitbrain) -> None:
    asked = ("whatif", "--policy", "v3.6", "--sweep", "base_sl=0.0005:0.03:0.0005", "--json", "--lane")
    row, columnar = stored(*asked, "row").report, stored(*asked, "columnar").report

    assert (row["lane"], columnar["lane"]) == ("row", "columnar")
    assert row["policies"] == columnar["policies"]


def test_text_tells_what_changes_and_what_guards_find(stored: Exitbrain) -> None:
    text = stored("whatif", "--policy", "v3.6", "--set", "base_sl=0.004").stdout

    assert "v3.6 with base_sl 0.004 on 3 recorded decisions: 3 would change" in text
    assert "stop_wider_than_costs" in text
    assert "0 → 3" in text


def test_text_of_a_long_sweep_is_cut_and_says_so(stored: Exitbrain) -> None:
    text = stored("whatif", "--policy", "v3.6", "--sweep", "base_sl=0.001:0.1:0.001").stdout

    assert "100 variants of v3.6 on 3 recorded decisions" in text
    assert "... and 40 more; --json has all of them." in text


def test_decisions_are_exported_with_what_was_and_what_would_have_been(stored: Exitbrain) -> None:
    report = stored("whatif", "--policy", "v3.6", "--export", "pairs.csv", "--json").report
    stored("whatif", "--policy", "v3.6", "--export", "pairs.parquet")

    with Path("pairs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]
    changes = [float(row["sl_after"]) - float(row["sl_before"]) for row in rows]
    assert (min(changes), max(changes)) == (report["fields"]["sl"]["min"], report["fields"]["sl"]["max"])
    assert "stop_wider_than_costs" in rows[0]["guards_failed_before"]
    columns = pq.read_table("pairs.parquet").to_pydict()
    assert columns["sl_after"] == [float(row["sl_after"]) for row in rows]
    assert columns["decision_id"] == [row["decision_id"] for row in rows]
    assert sorted(path.name for path in Path().glob("pairs*")) == ["pairs.csv", "pairs.parquet"]


def test_an_export_that_fails_leaves_nothing_behind(stored: Exitbrain) -> None:
    ended = stored(
        "whatif",
        "--policy",
        "v3.6",
        "--set",
        "base_tp=1e299",
        "--set",
        "tp1_offset=1e299",
        "--export",
        "p.csv",
    )

    assert ended.code == 2
    assert "a level that is not a finite number above 0" in ended.stderr
    assert list(Path().glob("p.csv*")) == []


def test_a_selection_is_asked_alone(stored: Exitbrain) -> None:
    assert stored("whatif", "--policy", "v3.6", "--symbol", "ethusdt", "--json").report["decisions"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--policy", "v9"), 2, "policy 'v9' is not known"),
        (("--policy", "v3.5", "--set", "spacing=1"), 2, "parameter of v3.5 is 'spacing'; allowed: base_tp"),
        (("--policy", "v3.6", "--sweep", "base_sl=2:1:1"), 2, "goes from 2 down to 1"),
        (("--policy", "v3.6", "--lane", "fast"), 2, "--lane is 'fast'; allowed: row, columnar"),
        (("--policy", "v3.6", "--export", "x.txt"), 2, "ends in .csv or .parquet"),
        (("--policy", "v3.6", "--export", "x.csv", "--sweep", "base_sl=1:2:1"), 2, "takes one policy"),
        (("--policy", "v3.6", "--export", "x.csv", "--lane", "columnar"), 3, "pairs are made row by row"),
        (("--policy", "v3.6", "--symbol", "NONE"), 3, "has no decisions of that selection"),
        (("--policy", "v3.6", "--store", "sqlite:///none.db"), 3, "none.db"),
    ],
)
def test_what_can_not_be_asked_is_one_sentence(
    stored: Exitbrain, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = stored("whatif", *arguments)

    assert ended.code == code
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert list(Path().glob("x.*")) == []


def test_a_store_without_decisions_has_nothing_to_ask_about(exitbrain: Exitbrain) -> None:
    messages.write(Path("held.jsonl"), [messages.intent(1, "BTCUSDT", "HOLD")])
    exitbrain("ingest", "held.jsonl")

    ended = exitbrain("whatif", "--policy", "v3.6")

    assert (ended.code, ended.stdout) == (3, "")
    assert "has no decisions: nothing to ask about" in ended.stderr
