"""The words of an intent: what says exit never opens, whatever it stands beside."""

import pytest

from exitbrain.domain.messages.message import IntentKind
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.values import Side
from exitbrain.infrastructure.wire.asked import MORE_WORD_NAMES, ORDER_TYPE_NAMES, WORD_NAMES
from exitbrain.infrastructure.wire.words import (
    CLOSE_WORDS,
    ENTRY_WORDS,
    PARTIAL_WORDS,
    REDUCE_WORDS,
    STOP_WORDS,
    TARGET_WORDS,
    word_of,
)
from tests.unit.wire.made import intent, refused_intent

CLOSE, REDUCE = IntentKind.CLOSE, IntentKind.REDUCE
LONG, SHORT = Side.LONG, Side.SHORT
CLOSING = [
    *CLOSE_WORDS, *STOP_WORDS, "CLOSE", "EXIT", "LIQUIDATION", "LIQUIDATED", "FLATTEN", "SL", "STOP", "STOP_LOSS", "STOPLOSS", "StopLoss", "stop-loss", "stop loss", "stop.loss", "CLOSE_POSITION",
    "closePosition", "CLOSEPOSITION", "close all", "FULL_EXIT", "FORCE_CLOSE", "AUTONOMOUS_EXIT", "EMERGENCY_STOP_LOSS",
    "SL_HIT", "BUY_STOP_LOSS", "time-exit", "exit_market", "liquidation.", "_CLOSE_", "FLATTEN_ALL", "margin_exit", "EXIT_ON_STOP", "close_on_trigger", "EXIT_AT_CLOSE", "exit_no_profit",
]  # fmt: skip
REDUCING = [
    *REDUCE_WORDS, *PARTIAL_WORDS, *TARGET_WORDS, "REDUCE", "DECREASE", "TRIM", "PARTIAL", "TP", "TAKE_PROFIT", "REDUCE_ONLY", "reduce-only", "reduceOnly", "REDUCEONLY",
    "reduce position", "TAKEPROFIT", "TakeProfit", "take-profit", "TAKE_PROFIT_MARKET", "TP2", "tp3_hit", "take_profit_1",
    "PARTIAL_CLOSE", "partialExit", "CLOSE_HALF", "PARTIAL_TP", "scale out", "scaling_out", "DECREASE_POSITION",
]  # fmt: skip
ENTERING = [
    *ENTRY_WORDS,
    "SCALE_IN",
    "scale-in",
    "OPEN_POSITION",
    "new_entry",
    "RE_ENTRY",
    "increase_position",
]
NAMING = [
    ("CLOSE_LONG", LONG), ("exit-short", SHORT), ("closeLong", LONG), ("EXITSHORT", SHORT), ("reduce_long", LONG),
    ("BUY_TO_COVER", SHORT), ("COVER", SHORT), ("SELL_TO_CLOSE", LONG), ("BUY_TO_CLOSE", SHORT), ("LONG_EXIT", LONG),
    ("stop_loss_short", SHORT), ("CLOSE_SHORT_POSITION", SHORT), ("TP_LONG", LONG),
]  # fmt: skip
SAYING_NOTHING = [
    "MARKET", "LIMIT", "UPDATE_STOP_LOSS", "move_sl", "SET_TP", "ADJUST_TP_SL", "MARKET_ON_CLOSE", "limit-at-open", "NO_EXIT", "dont close", "don't exit", "set_exit", "BUY_STOP",
    "SELL_STOP_LIMIT", "STRONG", "5", "x" * 70, "", "_", "ema_close_cross", "closest", "exitbrain", "reopened-not",
]  # fmt: skip


@pytest.mark.parametrize("word", CLOSING)
def test_a_word_that_says_the_end_closes(word: str) -> None:
    for name in WORD_NAMES:
        for written in (word, word.lower(), f" {word} "):
            assert intent(**{"side": "SELL", name: written}).kind is CLOSE


@pytest.mark.parametrize("word", REDUCING)
def test_a_word_that_says_a_part_reduces(word: str) -> None:
    for name in WORD_NAMES:
        for written in (word, word.lower(), f" {word} "):
            assert intent(**{"side": "SELL", name: written}).kind is REDUCE


@pytest.mark.parametrize("word", ENTERING)
def test_an_entry_word_beside_an_order_opens(word: str) -> None:
    for name in ("action", "direction", "intent_type"):
        found = intent(**{"side": "SELL", name: word})
        assert (found.kind, found.side, found.holds) == (IntentKind.OPEN, SHORT, None)


@pytest.mark.parametrize("word", SAYING_NOTHING)
def test_other_words_say_nothing(word: str) -> None:
    assert word_of(word) is None
    assert intent(intent_type=word, signal=word, order_type=word).kind is IntentKind.OPEN


@pytest.mark.parametrize("name", MORE_WORD_NAMES)
def test_producers_write_words_under_more_names(name: str) -> None:
    for word, kind in (
        ("exit_long", CLOSE),
        ("TAKE_PROFIT", REDUCE),
        ("partial-close", REDUCE),
        ("buy", "OPEN"),
    ):
        assert intent(**{"side": "SELL", name: word}).kind == kind


@pytest.mark.parametrize("name", MORE_WORD_NAMES)
@pytest.mark.parametrize("word", ["close_cross", "exit strategy v2", "reduce_risk", "entry filter closed"])
def test_a_word_that_is_known_in_part_counts_only_where_nothing_else_is_written(name: str, word: str) -> None:
    assert intent(**{name: word}).kind is IntentKind.OPEN


@pytest.mark.parametrize("name", ORDER_TYPE_NAMES)
@pytest.mark.parametrize(
    "word", ["STOP", "STOP_MARKET", "STOP_LIMIT", "TRAILING_STOP_MARKET", "MARKET", "LIMIT"]
)
def test_a_type_of_order_says_no_exit(name: str, word: str) -> None:
    assert intent(**{name: word}).kind is IntentKind.OPEN


@pytest.mark.parametrize("name", ["action", "direction", "intent_type", "signal", "position_effect", "type"])
@pytest.mark.parametrize(
    "exits", ["EXIT", "reduce-only", "STOP_LOSS", "TAKE_PROFIT", "CLOSE_LONG", "LIQUIDATION"]
)
@pytest.mark.parametrize("enters", ["OPEN", "ENTRY", "INCREASE", "OPEN_LONG"])
def test_an_exit_word_beside_an_entry_word_is_refused(name: str, exits: str, enters: str) -> None:
    for said in ({"side": exits, name: enters}, {"side": enters, name: exits}):
        found = refused_intent(**said)
        assert found.reason is Reason.CONTRADICTION
        assert exits in found.value
        assert enters in found.value


@pytest.mark.parametrize("word", ["CLOSE_AND_REVERSE", "EXIT_ENTRY", "close_open"])
def test_a_word_that_contradicts_itself_is_refused(word: str) -> None:
    assert refused_intent(action=word).reason is Reason.CONTRADICTION


@pytest.mark.parametrize("order", ["BUY", "SELL", "LONG", "SHORT"])
def test_order_words_contradict_nothing(order: str) -> None:
    assert intent(side=order, action="CLOSE").kind is CLOSE
    assert intent(side=order, action="OPEN").kind is IntentKind.OPEN
    assert intent(side=order, action="SELL").side is intent(side=order).side


@pytest.mark.parametrize(("word", "side"), NAMING)
def test_an_exit_word_may_name_the_side_of_the_position(word: str, side: Side) -> None:
    found = intent(side=None, action=word)
    assert (found.is_exit, found.side, found.holds) == (True, None, side)


@pytest.mark.parametrize(("word", "side"), [("OPEN_LONG", LONG), ("enterShort", SHORT), ("long-entry", LONG)])
def test_an_entry_word_may_name_the_side_of_the_order(word: str, side: Side) -> None:
    for name in WORD_NAMES:
        found = intent(**{"side": None, name: word})
        assert (found.kind, found.side, found.holds) == (IntentKind.OPEN, side, None)


def test_long_and_short_beside_an_exit_word_name_the_position_and_buy_and_sell_do_not() -> None:
    assert intent(action="CLOSE", side="LONG").holds is LONG
    assert intent(action="TAKE_PROFIT", side="short").holds is SHORT
    assert intent(action="CLOSE", side="BUY").holds is None
    assert intent(side="SHORT", reduce_only=True).holds is None


def test_close_words_beat_reduce_words_and_partial_words_say_that_something_remains() -> None:
    found = intent(side="SELL", action="CLOSE", intent_type="TAKE_PROFIT")
    assert (found.kind, found.partial) == (CLOSE, False)
    found = intent(side="SELL", action="CLOSE", intent_type="PARTIAL")
    assert (found.kind, found.partial) == (CLOSE, True)
    found = intent(side="SELL", action="PARTIAL_CLOSE")
    assert (found.kind, found.partial) == (REDUCE, True)
    assert not intent(side="SELL", action="TAKE_PROFIT").partial


def test_exit_words_beat_hold_and_flat() -> None:
    assert intent(side="HOLD", action="EXIT").kind is CLOSE
    assert intent(side="FLAT", action="REDUCE").kind is REDUCE
    assert intent(side="HOLD", action="FLAT").kind is IntentKind.FLAT
