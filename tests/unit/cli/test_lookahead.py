"""`lab lookahead`: a verdict for every policy, and the first decision that moved."""

from pathlib import Path

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
            "--unit says how to read an engine of your own, --policy foreign:MODULE:CLASS",
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
        "exitbrain: store sqlite:///exitbrain.db holds no messages: there is nothing to perturb\n",
    )
