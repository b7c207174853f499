"""A refused message says whether it asked for an exit, and of what, so that no exit is refused in silence."""

import json

import pytest

from exitbrain.domain.messages.message import BOOK_CLOSE, TRADE_CLOSED, TRADE_INTENT, BookClose, Unusable
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.unit.wire.made import translated

ETH = {"symbol": "eth/usdt:usdt", "account": " desk "}


def unusable(fields: dict[str, object], source: str = TRADE_INTENT) -> Unusable:
    found = translated({"payload": json.dumps(fields)}, source)
    assert isinstance(found, Unusable)
    return found


@pytest.mark.parametrize(
    "said",
    [
        {"side": "CLOSE", "action": "OPEN"},
        {"side": "SELL", "reduce_only": "maybe"},
        {"side": "SELL", "closePosition": ["x"]},
        {"side": "HOLD", "reduce_only": "maybe"},
    ],
)
def test_an_intent_that_may_be_an_exit_says_so(said: dict[str, object]) -> None:
    found = unusable(ETH | said)
    assert (found.is_exit, found.account, found.symbol) == (True, "desk", "ETHUSDT")


@pytest.mark.parametrize(
    "said",
    [
        {"side": "CLOSE"},
        {"side": "SELL", "reduce_only": "1"},
        {"side": "SELL", "positionSide": "LONG"},
        {"side": "FLAT"},
        {"action": "sell", "market_position": "flat"},
        {"side": "CLOSE", "action": "OPEN"},
        {"side": "SELL", "reduce_only": "maybe"},
    ],
)
def test_an_exit_without_a_symbol_or_with_an_unreadable_account_says_so(said: dict[str, object]) -> None:
    found = unusable(said | {"account": "desk"})
    assert (found.refusal.reason, found.is_exit, found.account, found.symbol) == (
        Reason.NO_SYMBOL,
        True,
        "desk",
        "",
    )
    found = unusable(ETH | said | {"account": ["desk"]})
    assert (found.refusal.field, found.is_exit, found.account, found.symbol) == (
        "account",
        True,
        None,
        "ETHUSDT",
    )


@pytest.mark.parametrize(
    "said", [{"side": "BUY", "leverage": 0}, {"side": "UP"}, {}, {"side": "HOLD", "account": []}]
)
def test_a_refused_entry_is_no_exit(said: dict[str, object]) -> None:
    found = unusable(ETH | said)
    assert (found.is_exit, found.symbol) == (False, "ETHUSDT")


def test_a_refused_report_is_an_exit() -> None:
    assert unusable({}, TRADE_CLOSED).is_exit
    found = translated({"payload": "{", "account": "desk"}, TRADE_CLOSED)
    assert isinstance(found, Unusable)
    assert (found.is_exit, found.account) == (True, "desk")


@pytest.mark.parametrize(
    ("source", "said", "is_exit"),
    [
        (TRADE_CLOSED, {}, True),
        (TRADE_INTENT, {"side": "CLOSE"}, True),
        (TRADE_INTENT, {"side": "BUY"}, False),
    ],
)
def test_a_message_too_large_is_an_exit_as_far_as_it_could_be_read(
    source: str, said: dict[str, str], is_exit: bool
) -> None:
    fields = {"symbol": "ETHUSDT"} | said | {"text": "x" * 500}
    message = from_fields(source, "1-1", fields, origin=Origin.LIVE, max_bytes=100)
    found = WireTranslator().translate(message)
    assert isinstance(found, Unusable)
    assert (found.refusal.reason, found.is_exit, found.symbol) == (Reason.TOO_LARGE, is_exit, "ETHUSDT")


def test_an_operator_ends_a_position_of_the_book() -> None:
    said = {"symbol": "eth/usdt", "account": "desk", "price": "3000.5", "why": "phantom", "by": "ann"}
    found = translated(said | {"timestamp": "2026-01-08T00:00:00Z"}, BOOK_CLOSE)
    assert isinstance(found, BookClose)
    assert (found.account, found.symbol, str(found.price), found.why, found.by) == (
        "desk",
        "ETHUSDT",
        "3000.5",
        "phantom",
        "ann",
    )
    assert found.time.clock == "stream book.close|payload|iso"
    assert [each.field for each in found.assumptions] == ["symbol"]
    bare = translated({"symbol": "ETHUSDT", "why": "phantom", "by": "ann"}, BOOK_CLOSE)
    assert isinstance(bare, BookClose)
    assert (bare.account, bare.price) == (None, None)


@pytest.mark.parametrize(
    ("said", "reason", "field"),
    [
        ({"symbol": None}, Reason.NO_SYMBOL, "symbol"),
        ({"why": " "}, Reason.BAD_VALUE, "why"),
        ({"by": None}, Reason.BAD_VALUE, "by"),
        ({"price": "0"}, Reason.BAD_NUMBER, "price"),
        ({"price": "None"}, Reason.BAD_NUMBER, "price"),
        ({"price": "-5"}, Reason.BAD_NUMBER, "price"),
        ({"account": ["x"]}, Reason.BAD_VALUE, "account"),
    ],
)
def test_what_an_operator_says_must_be_readable(said: dict[str, object], reason: Reason, field: str) -> None:
    found = unusable({"symbol": "ETHUSDT", "why": "phantom", "by": "ann"} | said, BOOK_CLOSE)
    assert (found.refusal.reason, found.refusal.field, found.is_exit) == (reason, field, True)
    assert found.refusal.allowed
