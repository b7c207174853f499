"""`replay --engine`: where a user's own engine drifts from the record, for people and for scripts."""

from pathlib import Path

import pytest

from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain

OLD_ENGINE = "foreign:exitbrain:AdaptiveLeverageEngine"
WIDER_STOPS = "foreign:tests.foreign_engines:WiderStops"


@pytest.fixture
def stored(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder whose default store holds the story."""
    messages.write(Path("story.jsonl"), messages.story())
    exitbrain("ingest", "story.jsonl")
    return exitbrain


def test_the_engine_that_ran_is_exact(stored: Exitbrain) -> None:
    ended = stored("replay", "--engine", OLD_ENGINE)

    assert ended.code == 0
    assert f"{OLD_ENGINE} on the recorded inputs: EXACT, 3 of 3 decisions bit for bit.\n" in ended.stdout


def test_a_drift_is_a_finding_with_both_values_and_its_spread(stored: Exitbrain) -> None:
    ended = stored("replay", "--engine", WIDER_STOPS, "--json")

    report = ended.report
    assert ended.code == 1
    assert (report["decisions"], report["exact"], report["drift"], report["failed"]) == (3, 1, 2, 0)
    assert report["first_drift"]["field"] == "levels.raw.sl"
    assert (report["first_drift"]["recorded"], report["first_drift"]["recomputed"]) == ("0.02", "0.1")
    assert report["fields"]["sl"]["changed"] == 2
    assert report["fields"]["sl"]["max"] == 0.1 / 100 - 0.02 / 100
    assert report["guards"]["before"].keys() == report["guards"]["after"].keys()


def test_people_see_the_first_drift_and_a_table(stored: Exitbrain) -> None:
    text = stored("replay", "--engine", WIDER_STOPS).stdout

    assert "NOT EXACT, 1 of 3 decisions bit for bit." in text
    assert "recorded 0.02\n    engine   0.1\n" in text
    assert "│ SL    │       2 │      0 │" in text


def test_what_the_report_says_without_an_engine_is_as_before(stored: Exitbrain) -> None:
    assert stored("replay", "--json").report.keys().isdisjoint({"engine", "failed", "fields", "guards"})


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        (["--unit", "percent"], 2, "--unit says how to read the engine of --engine, which is missing"),
        (
            ["--engine", OLD_ENGINE, "--from-receipts"],
            2,
            "--engine computes recorded decisions; --from-receipts and --context do not",
        ),
        (["--engine", "v3.6"], 2, "engine is 'v3.6'; allowed: foreign:package.module:Class"),
        (
            ["--engine", "foreign:nowhere:E"],
            3,
            "engine foreign:nowhere:E cannot be loaded: ModuleNotFoundError: No module named 'nowhere'",
        ),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    stored: Exitbrain, flags: list[str], code: int, sentence: str
) -> None:
    assert stored("replay", *flags) == (code, "", f"exitbrain: {sentence}\n")


def test_an_engine_that_can_not_be_built_is_one_sentence(stored: Exitbrain) -> None:
    ended = stored("replay", "--engine", "foreign:tests.foreign_engines:Unbuildable")

    assert ended.code == 3
    assert ended.stderr.endswith("cannot be built: KeyError: 'no configuration'\n")


def test_an_engine_may_be_asked_what_it_would_have_said(stored: Exitbrain) -> None:
    own = stored("whatif", "--policy", OLD_ENGINE, "--json").report
    shipped = stored("whatif", "--policy", "v3.5-fraction", "--json").report

    assert own["policy"] == OLD_ENGINE
    assert (own["decisions"], own["lane"]) == (3, "row")
    assert own["fields"] == shipped["fields"]
    assert own["guards"] == shipped["guards"]


def test_an_engine_that_fails_ends_a_what_if_in_one_sentence(stored: Exitbrain) -> None:
    ended = stored("whatif", "--policy", "foreign:tests.foreign_engines:Failing")

    assert ended.code == 3
    assert ended.stderr.endswith("failed: ValueError: no levels for 25.0\n")
