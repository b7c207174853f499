"""`lab lookahead`: a verdict for every policy, and the first decision that moved."""

import json
from pathlib import Path
from random import Random

import pytest

from tests import cheating_engines
from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain

AVERAGES = "foreign:tests.cheating_engines:Averages"
READS = "foreign:tests.cheating_engines:AsksTheStore"


@pytest.fixture
def stored(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder whose default store holds the story."""
    messages.write(Path("story.jsonl"), messages.story())
    exitbrain("ingest", "story.jsonl")
    return exitbrain


def test_every_policy_of_the_store_is_tested_and_clean(stored: Exitbrain) -> None:
    ended = stored("lab", "lookahead", "--json")

    report = ended.report
    assert ended.code == 0
    assert (report["messages"], report["decisions"], report["cuts"]) == (7, 3, 8)
    assert [(one["policy"], one["verdict"]) for one in report["policies"]] == [
        ("v3.5", "CLEAN"),
        ("v3.5-fraction", "CLEAN"),
        ("v3.6", "CLEAN"),
    ]
    assert all(min(one["compared"].values()) > 0 for one in report["policies"])


def test_a_policy_whose_decisions_move_is_a_finding_with_both_values(stored: Exitbrain) -> None:
    ended = stored("lab", "lookahead", "--policy", AVERAGES, "--policy", "v3.6", "--json")

    averages, honest = ended.report["policies"]
    assert (ended.code, averages["verdict"], honest["verdict"]) == (1, "REMEMBERS", "CLEAN")
    assert averages["moved"][0]["field"] == "sl"
    assert averages["moved"][0]["before"] != averages["moved"][0]["after"]


def test_reading_the_store_is_a_finding_and_people_see_which_file(
    stored: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cheating_engines, "HISTORY_FILE", Path("exitbrain.db"))

    ended = stored("lab", "lookahead", "--policy", READS)

    assert ended.code == 1
    assert f"│ {READS} │ READS   │" in ended.stdout
    assert "its arguments alone → opens the database exitbrain.db" in ended.stdout


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--cuts", "0"], "--cuts is 0; allowed: 1 to 1000"),
        (["--messages", "-1"], "--messages is -1; allowed: 1 to 1000000"),
        (
            ["--policy", "v9"],
            "policy 'v9' is not known; known: v3.5, v3.5-fraction, v3.6, foreign:MODULE:CLASS",
        ),
        (
            ["--unit", "percent"],
            "--unit says how to read your own engine, --policy foreign:MODULE:CLASS",
        ),
    ],
)
def test_what_can_not_be_tested_is_one_sentence(stored: Exitbrain, flags: list[str], sentence: str) -> None:
    assert stored("lab", "lookahead", *flags) == (2, "", f"exitbrain: {sentence}\n")


def test_an_engine_that_is_not_there_is_one_sentence(stored: Exitbrain) -> None:
    assert stored("lab", "lookahead", "--policy", "foreign:nowhere:Engine").code == 3


def test_a_store_without_messages_has_nothing_to_test(exitbrain: Exitbrain) -> None:
    messages.write(Path("nothing.jsonl"), [])
    exitbrain("ingest", "nothing.jsonl")

    assert exitbrain("lab", "lookahead") == (
        2,
        "",
        "exitbrain: store sqlite:///exitbrain.db has no messages: there is nothing to perturb\n",
    )


def test_a_record_without_decisions_is_untested(exitbrain: Exitbrain) -> None:
    messages.write(Path("broken.jsonl"), ["{}", "not JSON"])
    exitbrain("ingest", "broken.jsonl")

    report = exitbrain("lab", "lookahead", "--json").report

    assert {one["verdict"] for one in report["policies"]} == {"UNTESTED"}


@pytest.fixture
def market(tmp_path: Path) -> None:
    """Two positions and candles on which both are stopped or reach targets."""
    random, price, lines = Random(5), 100.0, ["open_time_ms,open,high,low,close"]
    for minute in range(200):
        close = round(price * (1.0 + random.uniform(-0.003, 0.003)), 4)
        low, high = min(price, close), max(price, close)
        lines.append(f"{messages.FIRST_MS + 60_000 * minute},{price},{high},{low},{close}")
        price = close
    (tmp_path / "candles").mkdir()
    (tmp_path / "candles" / "BTCUSDT.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    positions = [
        {
            "symbol": "BTCUSDT",
            "side": side,
            "entry_price": 100,
            "opened_at": messages.FIRST_MS,
            "leverage": 20,
        }
        for side in ("LONG", "SHORT")
    ]
    (tmp_path / "positions.jsonl").write_text("\n".join(map(json.dumps, positions)), encoding="utf-8")


ON_MARKET = ("lab", "lookahead", "--positions", "positions.jsonl", "--candles", "candles", "--cuts", "4")


@pytest.mark.usefixtures("market")
def test_exits_are_tested_on_candles(exitbrain: Exitbrain) -> None:
    ended = exitbrain(*ON_MARKET, "--json")

    report = ended.report
    assert ended.code == 0
    assert (report["positions"], report["messages"], report["decisions"]) == (2, None, 2)
    assert {one["verdict"] for one in report["policies"]} == {"CLEAN"}
    assert all(one["compared"]["exits"] > 2 * 2 * 4 * 5 for one in report["policies"])


@pytest.mark.usefixtures("market")
def test_an_engine_of_the_users_own_is_simulated_as_its_formula_is(exitbrain: Exitbrain) -> None:
    walked = [
        exitbrain("simulate", *ON_MARKET[2:-2], "--policy", policy, "--json").report
        for policy in ("foreign:exitbrain:AdaptiveLeverageEngine", "v3.5-fraction")
    ]

    assert walked[0]["positions"] == walked[1]["positions"]


@pytest.mark.usefixtures("market")
def test_an_engine_that_reads_the_candles_is_a_finding(
    exitbrain: Exitbrain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "closes.txt"
    file.write_text("1.0\n2.0\n", encoding="utf-8")
    monkeypatch.setattr(cheating_engines, "HISTORY_FILE", file)

    ended = exitbrain(*ON_MARKET, "--policy", "foreign:tests.cheating_engines:ReadsAFile", "--json")

    (verdict,) = ended.report["policies"]
    assert (ended.code, verdict["verdict"]) == (1, "READS")
    assert verdict["moved"][0]["how"] == f"opens {file}"


@pytest.mark.usefixtures("market")
def test_an_engine_without_levels_for_positions_is_a_finding(exitbrain: Exitbrain) -> None:
    ended = exitbrain(*ON_MARKET, "--policy", "foreign:tests.foreign_engines:Failing")

    assert ended.code == 1
    assert "FAILED, positions.jsonl line 1" in ended.stdout


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ["--positions", "p.jsonl"],
            "--positions and --candles belong together: exits are simulated on candles",
        ),
        (
            ["--positions", "p.jsonl", "--candles", "c", "--store", "sqlite:///t.db"],
            "test either the record of --store or the exits of --positions",
        ),
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    exitbrain: Exitbrain, flags: list[str], sentence: str
) -> None:
    assert exitbrain("lab", "lookahead", *flags) == (2, "", f"exitbrain: {sentence}\n")


def test_positions_that_are_not_there_are_one_sentence(exitbrain: Exitbrain) -> None:
    ended = exitbrain("lab", "lookahead", "--positions", "none.jsonl", "--candles", "none")

    assert ended.code == 3
    assert ended.stderr.startswith("exitbrain: none.jsonl")
