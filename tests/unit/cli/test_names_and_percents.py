"""What people type: sides in their words, percentages where they write them, and names that are nearly right."""

from pathlib import Path

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.policies.formulas.registry import V3_6
from exitbrain.infrastructure.cli.options import WalkFlags
from exitbrain.infrastructure.cli.walk_flags import terms_of
from tests.unit.cli.conftest import Exitbrain
from tests.unit.cli.messages import story, write

LEVELS = ("levels", "--leverage", "20", "--policy", "v3.6", "--json")


def intents() -> str:
    return str(write(Path("intents.jsonl"), story()))


@pytest.mark.parametrize(
    ("word", "side"), [("buy", "LONG"), ("Sell", "SHORT"), ("LONG", "LONG"), ("short", "SHORT")]
)
def test_a_side_may_be_bought_or_sold_in_any_case(word: str, side: str, exitbrain: Exitbrain) -> None:
    assert f"{side} at 20x" in exitbrain("levels", "--leverage", "20", "--side", word).stdout


def test_another_side_is_refused_with_the_words_that_there_are(exitbrain: Exitbrain) -> None:
    ended = exitbrain("levels", "--leverage", "20", "--side", "up")

    assert (ended.code, ended.stderr) == (2, "exitbrain: --side is 'up'; allowed: buy, long, sell or short\n")


def test_percentages_are_exactly_the_fractions_that_they_read() -> None:
    percents = terms_of(WalkFlags(trailing="1%:0.5%", break_even="0.1%"), V3_6)

    assert percents == terms_of(WalkFlags(trailing="0.01:0.005", break_even="0.001"), V3_6)


def test_what_is_neither_a_fraction_nor_a_percentage_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"--trailing is '1%:x'; allowed: a fraction or a percentage"):
        terms_of(WalkFlags(trailing="1%:x"), V3_6)


@pytest.mark.parametrize("setting", ["base_sl=0.8%", "harvest1_low=30%"])
def test_a_parameter_that_is_a_fraction_may_be_a_percentage(setting: str, exitbrain: Exitbrain) -> None:
    plain = {"base_sl=0.8%": "base_sl=0.008", "harvest1_low=30%": "harvest1_low=0.3"}[setting]

    assert exitbrain(*LEVELS, "--set", setting).stdout == exitbrain(*LEVELS, "--set", plain).stdout


@pytest.mark.parametrize(
    ("policy", "setting", "said"),
    [
        ("v3.5", "base_sl=0.5%", "base_sl of v3.5 is in percent already"),
        (
            "v3.6",
            "leverage_weight=80%",
            "leverage_weight is no fraction; allowed: a number without a percent sign",
        ),
    ],
)
def test_a_percent_sign_that_could_mean_two_things_is_refused(
    policy: str, setting: str, said: str, exitbrain: Exitbrain
) -> None:
    ended = exitbrain("levels", "--leverage", "20", "--policy", policy, "--set", setting)

    assert ended.code == 2
    assert said in ended.stderr


def test_levels_take_changed_parameters(exitbrain: Exitbrain) -> None:
    wider = exitbrain(*LEVELS, "--set", "base_sl=0.008").report

    assert wider["policy"] == "v3.6 base_sl=0.008"
    assert wider["sl"] > exitbrain(*LEVELS).report["sl"]
    assert wider["sl"] == exitbrain(*LEVELS, "--base-sl", "0.008").report["sl"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "base_s1=0.004"), "; did you mean base_sl?"),
        (("--set", "nothing=0.004"), "clamp_min\n"),
        (("--policy", "v36"), "; did you mean v3.6?"),
        (
            ("--set", "base_sl=1", "--base-sl", "1"),
            "--base-sl and --set base_sl say the same; allowed: one of them",
        ),
    ],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    words: tuple[str, ...], said: str, exitbrain: Exitbrain
) -> None:
    ended = exitbrain("levels", "--leverage", "20", *words)

    assert ended.code == 2
    assert said in ended.stderr


@pytest.mark.parametrize(
    "words", [("whatif", "--store", "sqlite:///t.db"), ("policy", "show"), ("policy", "diff", "v3.5")]
)
def test_a_missing_policy_is_answered_with_those_that_there_are(
    words: tuple[str, ...], exitbrain: Exitbrain
) -> None:
    assert exitbrain("ingest", intents(), "--store", "sqlite:///t.db").code == 0
    ended = exitbrain(*words)

    assert ended.code == 2
    assert "is missing; allowed: v3.5, v3.5-fraction, v3.6" in ended.stderr


def test_a_new_store_whose_stop_lies_inside_the_costs_says_so_once(exitbrain: Exitbrain) -> None:
    ingest = ("ingest", intents(), "--store")
    first, again, cured = (
        exitbrain(*ingest, f"sqlite:///{words[0]}", *words[1:])
        for words in (("t.db",), ("t.db",), ("c.db", "--policy", "v3.6"))
    )

    assert first.stderr == (
        "New store under v3.5: at 20x its stop is 0.02 % from the entry, and a round trip costs 0.10 %; "
        "a new store with --policy v3.6 keeps the stop outside the costs.\n"
    )
    assert (again.stderr, cured.stderr) == ("", "")
