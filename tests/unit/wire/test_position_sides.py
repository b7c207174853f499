"""The side of the position beside the order: what goes against it is an exit."""

from decimal import Decimal

import pytest

from exitbrain.domain.messages.message import IntentKind
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.values import Side
from exitbrain.infrastructure.wire.asked import MARKET_POSITION_NAMES, POSITION_SIDE_NAMES
from tests.unit.wire.made import close, intent, refused_intent

OPEN, CLOSE, REDUCE = IntentKind.OPEN, IntentKind.CLOSE, IntentKind.REDUCE
LONG, SHORT = Side.LONG, Side.SHORT


@pytest.mark.parametrize("name", POSITION_SIDE_NAMES)
@pytest.mark.parametrize(
    ("order", "position", "kind", "holds"),
    [
        ("SELL", "LONG", REDUCE, LONG),
        ("BUY", "SHORT", REDUCE, SHORT),
        ("short", " long ", REDUCE, LONG),
        ("BUY", "LONG", OPEN, LONG),
        ("SELL", "short", OPEN, SHORT),
        ("SELL", "BOTH", OPEN, None),
        ("BUY", "both", OPEN, None),
        ("BUY", "None", OPEN, None),
        ("BUY", "", OPEN, None),
    ],
)
def test_an_order_against_the_side_of_the_position_reduces_it(
    name: str, order: str, position: str, kind: IntentKind, holds: Side | None
) -> None:
    found = intent(**{"side": order, name: position})
    assert (found.kind, found.holds, found.partial, found.remaining) == (kind, holds, False, None)


def test_the_side_of_the_position_stays_with_exit_words_and_flags() -> None:
    assert intent(side="SELL", action="CLOSE", positionSide="LONG").holds is LONG
    found = intent(side="BUY", reduce_only=True, positionSide="LONG")
    assert (found.kind, found.holds) == (REDUCE, LONG)
    found = intent(side=None, closePosition="true", positionSide="SHORT")
    assert (found.kind, found.holds) == (CLOSE, SHORT)
    assert intent(side="SELL", intent_type="ENTRY", positionSide="LONG").kind is REDUCE


def test_an_entry_word_takes_its_side_from_the_position() -> None:
    found = intent(side=None, action="OPEN", positionSide="SHORT")
    assert (found.kind, found.side, found.holds) == (OPEN, SHORT, SHORT)
    assert refused_intent(side=None, positionSide="SHORT").reason is Reason.NO_SIDE


@pytest.mark.parametrize("name", MARKET_POSITION_NAMES)
@pytest.mark.parametrize(
    ("order", "after", "size", "kind", "holds", "remaining"),
    [
        ("sell", "flat", "0", CLOSE, None, None),
        ("buy", "FLAT", None, CLOSE, None, None),
        (None, "flat", None, CLOSE, None, None),
        ("flat", "flat", None, CLOSE, None, None),
        ("sell", "long", "0.5", REDUCE, LONG, Decimal("0.5")),
        ("buy", "short", "-2", REDUCE, SHORT, Decimal(2)),
        ("sell", "long", None, REDUCE, LONG, None),
        ("sell", "long", "0", CLOSE, None, None),
        ("buy", "short", 0, CLOSE, None, None),
        ("buy", "long", "1", OPEN, None, None),
        ("sell", "Short", "1", OPEN, None, None),
        ("sell", "", "1", OPEN, None, None),
        ("hold", "flat", None, IntentKind.NOTHING, None, None),
    ],
)
def test_the_market_position_is_the_side_after_the_order(
    name: str,
    order: str | None,
    after: str,
    size: object,
    kind: IntentKind,
    holds: Side | None,
    remaining: Decimal | None,
) -> None:
    found = intent(**{"side": None, "action": order, name: after, "market_position_size": size})
    assert (found.kind, found.holds, found.remaining) == (kind, holds, remaining)
    assert found.partial == (kind is REDUCE)


def test_an_unusable_size_after_the_order_is_unknown() -> None:
    found = intent(side="SELL", market_position="long", market_position_size="nan")
    assert (found.kind, found.remaining, found.partial) == (REDUCE, None, True)
    assert found.unusable == ("market_position_size",)


@pytest.mark.parametrize("name", ["remaining_quantity", "remaining_qty", "remaining", "position_remaining"])
def test_an_exit_may_say_what_remains(name: str) -> None:
    for given in ("0.5", 0.5, "-0.5"):
        assert intent(**{"side": "CLOSE", name: given}).remaining == Decimal("0.5")
        assert close(**{name: given}).remaining == Decimal("0.5")
    assert close(**{name: 0}).remaining == 0
    assert intent(**{name: "0.5"}).remaining is None


@pytest.mark.parametrize(
    "text",
    [
        "PARTIAL_TP",
        "partial close",
        "PARTIALLY_FILLED",
        "tp1 (partial)",
        "isPartial",
        "PartialClose",
        "1st partial",
    ],
)
@pytest.mark.parametrize("name", ["reason", "exit_reason", "status", "close_type"])
def test_the_word_partial_says_that_something_remains(name: str, text: str) -> None:
    assert close(**{name: text}).partial
    assert intent(**{"side": "CLOSE", name: text}).partial


@pytest.mark.parametrize(
    "text",
    ["TAKE_PROFIT", "tp", "impartial", "not partial", "NON_PARTIAL", "no-partial", "stop", "participal"],
)
def test_other_words_do_not(text: str) -> None:
    assert not close(reason=text).partial


def test_a_flag_says_that_something_remains() -> None:
    assert close(is_partial="1").partial
    assert not close(partial="no").partial
    assert intent(side="CLOSE", partial="yes").partial
    assert not intent(partial="yes").partial


def test_a_report_says_the_side_of_the_position_in_three_ways() -> None:
    found = close(side="LONG")
    assert (found.side, found.says_side, found.holds) == (LONG, LONG, None)
    found = close(side="sell")
    assert (found.side, found.says_side, found.holds) == (SHORT, None, None)
    found = close(side="SELL", positionSide="long")
    assert (found.side, found.says_side, found.holds) == (SHORT, None, LONG)
    found = close(side="CLOSE_SHORT")
    assert (found.side, found.says_side, found.holds) == (None, None, SHORT)


@pytest.mark.parametrize(
    "name",
    ["quantity", "qty", "closed_quantity", "closed_qty", "filled_quantity", "executed_qty", "executedQty"],
)
def test_a_report_says_how_much_was_closed_at_which_entry(name: str) -> None:
    found = close(**{name: "0.25", "entry_price": "2060.73"})
    assert (found.quantity, found.entry_price) == (Decimal("0.25"), Decimal("2060.73"))
