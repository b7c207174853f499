"""Flags as clients write them, and what they make of an intent."""

import pytest

from exitbrain.domain.messages.message import IntentKind
from exitbrain.domain.messages.receipt import Reason
from exitbrain.infrastructure.wire.asked import CLOSE_FLAGS, REDUCE_FLAGS
from exitbrain.infrastructure.wire.flags import flag_of
from exitbrain.infrastructure.wire.paper import MODE_NAMES, PAPER_FLAGS, PAPER_WORDS
from tests.unit.wire.made import close, intent, refused_intent, translated

YES: list[object] = [True, 1, 1.0, "true", "1", "1.0", "yes", "y", "t", "on"]
NO: list[object] = [
    False,
    0,
    0.0,
    "false",
    "0",
    "0.0",
    "no",
    "n",
    "f",
    "off",
    None,
    "",
    " ",
    "None",
    "null",
    "nan",
    "-",
    "?",
    "N/A",
    "unknown",
    -1,
]
UNREADABLE: list[object] = ["maybe", 2, "2", "yess", "tru", [True], {"on": 1}, "both", "enabled?"]


def cases(values: list[object]) -> list[object]:
    more = [
        case for text in values if isinstance(text, str) for case in (text.upper(), text.title(), f" {text} ")
    ]
    return [*values, *more]


@pytest.mark.parametrize("given", cases(YES))
def test_a_set_flag_reduces_and_keeps_the_side_of_the_order(given: object) -> None:
    for name in REDUCE_FLAGS:
        found = intent(**{name: given})
        assert found.kind is IntentKind.REDUCE
        assert found.side is not None
        assert found.holds is None


@pytest.mark.parametrize("given", cases(YES))
def test_a_set_flag_closes(given: object) -> None:
    for name in CLOSE_FLAGS:
        assert intent(**{name: given}).kind is IntentKind.CLOSE


@pytest.mark.parametrize("given", cases(NO))
def test_a_flag_that_is_not_set_says_nothing(given: object) -> None:
    for name in (*REDUCE_FLAGS, *CLOSE_FLAGS, *PAPER_FLAGS):
        found = intent(**{name: given})
        assert (found.kind, found.paper, found.unusable) == (IntentKind.OPEN, False, ())


@pytest.mark.parametrize("given", UNREADABLE)
@pytest.mark.parametrize("others", [{}, {"side": "CLOSE"}, {"side": "HOLD"}])
def test_a_flag_that_may_say_exit_is_refused_when_it_can_not_be_read(
    others: dict[str, object], given: object
) -> None:
    for name in (*REDUCE_FLAGS, *CLOSE_FLAGS):
        found = refused_intent(**{**others, name: given})
        assert (found.reason, found.field) == (Reason.BAD_VALUE, name)
        assert "yes or no" in found.allowed


def test_a_flag_beats_hold_flat_and_entry_words_and_needs_no_side() -> None:
    assert intent(side="HOLD", reduce_only=1).kind is IntentKind.REDUCE
    assert intent(side="FLAT", closePosition="yes").kind is IntentKind.CLOSE
    assert intent(intent_type="ENTRY", reduce_only="1").kind is IntentKind.REDUCE
    assert intent(side=None, reduceOnly="on").kind is IntentKind.REDUCE


def test_a_close_word_beats_a_reduce_flag() -> None:
    assert intent(side="SELL", action="CLOSE", reduce_only=True).kind is IntentKind.CLOSE


@pytest.mark.parametrize("given", UNREADABLE)
def test_what_is_no_flag_is_unreadable(given: object) -> None:
    assert flag_of(given) is None


@pytest.mark.parametrize("name", PAPER_FLAGS)
def test_a_mark_of_paper_trading_is_a_flag(name: str) -> None:
    for given in (True, "1", " YES "):
        assert intent(**{name: given}).paper
        assert intent(side="CLOSE", **{name: given}).paper
        assert intent(side="HOLD", **{name: given}).paper
        assert close(**{name: given}).paper


@pytest.mark.parametrize(
    "word", [*PAPER_WORDS, "Paper-Trading", "PAPER_TRADING", "paperTrading", "DRY-RUN", "DryRun"]
)
def test_a_mark_of_paper_trading_may_be_a_mode(word: str) -> None:
    for name in MODE_NAMES:
        assert intent(**{name: word}).paper
        assert close(**{name: word.upper()}).paper


@pytest.mark.parametrize(
    "word", ["live", "LIVE", "production", "paperless", "shadow", "", None, 5, ["paper"]]
)
@pytest.mark.parametrize("name", ["mode", "environment"])
def test_another_mode_says_nothing(name: str, word: object) -> None:
    found = intent(**{name: word})
    assert (found.paper, found.unusable) == (False, ())


def test_a_mark_may_stand_around_the_payload() -> None:
    for payload in ('{"symbol": "A", "side": "BUY"}', '{"symbol": "A", "side": "BUY", "paper": false}'):
        found = translated({"payload": payload, "paper_trade": "1"})
        assert getattr(found, "paper", None) is True
        assert getattr(translated({"payload": payload, "mode": "paper"}), "paper", None) is True
        assert getattr(translated({"payload": payload, "paper_trade": "0"}), "paper", None) is False


@pytest.mark.parametrize("given", UNREADABLE)
@pytest.mark.parametrize("name", ["paper_trade", "dry_run", "simulated"])
def test_a_mark_that_can_not_be_read_is_refused_in_an_entry_and_absent_in_an_exit(
    name: str, given: object
) -> None:
    assert refused_intent(**{name: given}).field == name
    for found in (intent(**{"side": "CLOSE", name: given}), close(**{name: given})):
        assert (found.paper, found.unusable) == (False, (name,))
