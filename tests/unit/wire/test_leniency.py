"""What is not needed is absent where it cannot be used, is recorded as assumed, and refuses nothing."""

from decimal import Decimal

import pytest

from exitbrain.domain.messages.message import TRADE_CLOSED, IntentKind, TradeClosed, TradeIntent
from exitbrain.domain.values import Assumption, Side
from exitbrain.infrastructure.wire.reading import UNUSABLE
from tests.unit.wire.made import close, intent, translated

NO_NUMBERS = [
    True, "nan", "inf", "-Infinity", float("nan"), float("inf"), "1e999", "ten", "1_000", "0x10", "1,5", "٣", "None",
    "N/A", "--1", ".", [1], {"a": 1}, "9" * 65, "1e99999999999999999999", "\ud800",
]  # fmt: skip
NOT_ABOVE_ZERO = [0, "0", "-0.0", "1e-16", "1.1e15", "1e-999999"]
PRICES = ("entry_price", "price")
SIZES = ("quantity", "qty", "position_size_usd", "position_usd", "ai_size_usd")
CONTEXT = ("atr_value", "confidence", "funding_rate", "exchange_divergence", "volatility_factor")
EXITS: list[dict[str, object]] = [
    {"side": "CLOSE"},
    {"action": "STOP_LOSS"},
    {"intent_type": "TAKE_PROFIT"},
    {"side": "FLAT"},
    {"reduce_only": "1"},
    {"closePosition": True},
    {"positionSide": "SHORT"},
    {"market_position": "flat"},
]
MEANT = {
    "entry_price": "entry_price", "price": "entry_price", "quantity": "quantity", "qty": "quantity",
    "position_size_usd": "quantity", "position_usd": "quantity", "ai_size_usd": "quantity", "leverage": "leverage",
    "ai_leverage": "leverage", "atr_value": "atr_value", "confidence": "confidence", "funding_rate": "funding",
    "exchange_divergence": "divergence", "volatility_factor": "volatility",
}  # fmt: skip


def check_absent(found: TradeIntent | TradeClosed, name: str, meant: str) -> None:
    assert getattr(found, meant) is None
    assert found.unusable == (name,)
    assert [(each.field, each.why) for each in found.assumptions] == [(name, UNUSABLE)]


@pytest.mark.parametrize("name", [*PRICES, *SIZES, *CONTEXT])
def test_a_number_of_an_entry_that_is_none_is_unknown(name: str) -> None:
    for given in NO_NUMBERS:
        found = intent(**{name: given})
        assert (found.kind, found.side) == (IntentKind.OPEN, Side.LONG)
        check_absent(found, name, MEANT[name])


@pytest.mark.parametrize("name", [*PRICES, *SIZES])
@pytest.mark.parametrize("given", NOT_ABOVE_ZERO, ids=repr)
def test_a_price_or_size_of_zero_or_not_of_this_world_is_unknown(name: str, given: object) -> None:
    check_absent(intent(**{name: given}), name, MEANT[name])


def test_an_assumption_says_what_was_given() -> None:
    assert intent(confidence="None").assumptions == (Assumption("confidence", "None", UNUSABLE),)


@pytest.mark.parametrize("name", PRICES)
def test_a_negative_price_is_unknown(name: str) -> None:
    check_absent(intent(**{name: "-5"}), name, "entry_price")


def test_a_negative_volatility_and_a_ratio_too_large_are_unknown() -> None:
    check_absent(intent(volatility_factor=-0.1), "volatility_factor", "volatility")
    check_absent(intent(funding_rate="1.1e15"), "funding_rate", "funding")


@pytest.mark.parametrize("given", [["trend"], {"a": 1}, "r" * 257, "\ud800", True])
def test_a_regime_that_can_not_be_kept_is_unknown(given: object) -> None:
    check_absent(intent(regime=given), "regime", "regime")


def test_an_unusable_number_leaves_the_word_to_the_next_name() -> None:
    found = intent(entry_price="None", price=5, quantity=0, position_size_usd=10)
    assert (found.entry_price, found.quantity, found.in_units) == (Decimal(5), Decimal(2), False)
    assert found.unusable == ("entry_price", "quantity")


@pytest.mark.parametrize("given", ["None", "null", "N/A", "unknown", "-", "?", "undefined", "TBD", "<NA>"])
@pytest.mark.parametrize("name", ["leverage", "ai_leverage"])
def test_a_word_for_nothing_is_no_leverage(name: str, given: str) -> None:
    check_absent(intent(**{name: given}), name, "leverage")


def test_leverage_that_is_no_word_for_nothing_counts_under_the_second_name() -> None:
    assert intent(leverage="None", ai_leverage=7).leverage == 7.0


@pytest.mark.parametrize("said", EXITS, ids=repr)
@pytest.mark.parametrize("name", MEANT)
def test_a_number_that_an_exit_can_not_use_is_unknown(said: dict[str, object], name: str) -> None:
    zeros: list[object] = [] if name in CONTEXT else [0, "0"]
    for given in [*NO_NUMBERS, *zeros]:
        found = intent(**{"side": "BUY", **said, name: given})
        assert found.is_exit
        check_absent(found, name, MEANT[name])


@pytest.mark.parametrize("given", ["-5", 0.5, 126, "1e15"])
def test_leverage_outside_its_bounds_refuses_no_exit(given: object) -> None:
    check_absent(intent(side="CLOSE", leverage=given), "leverage", "leverage")


@pytest.mark.parametrize("given", ["UP", "BOTH", 5, True, ["SELL"], {"a": 1}])
@pytest.mark.parametrize("name", ["side", "action", "direction"])
def test_a_side_that_an_exit_does_not_need_is_absent(name: str, given: object) -> None:
    found = intent(**{"side": None, "reduce_only": True, name: given})
    assert found.kind is IntentKind.REDUCE
    check_absent(found, name, "side")


@pytest.mark.parametrize("name", ["positionSide", "position_side", "market_position", "remaining_qty"])
@pytest.mark.parametrize("given", ["UP", ["LONG"], True])
def test_what_an_exit_says_of_the_position_unreadably_is_absent(name: str, given: object) -> None:
    found = intent(**{"side": "CLOSE", name: given})
    check_absent(found, name, "holds")
    assert found.remaining is None


@pytest.mark.parametrize("name", ["paper_trade", "partial"])
def test_a_flag_that_an_exit_does_not_need_is_absent(name: str) -> None:
    found = intent(**{"side": "CLOSE", name: "maybe"})
    assert (found.kind, found.paper, found.partial, found.unusable) == (
        IntentKind.CLOSE,
        False,
        False,
        (name,),
    )


def test_an_exit_whose_quantity_leaves_the_bounds_only_by_division_has_none() -> None:
    found = intent(side="CLOSE", price="1e-15", position_size_usd="1e15")
    assert (found.quantity, found.in_units, found.unusable) == (None, False, ("quantity",))


@pytest.mark.parametrize(
    "name", ["exit_price", "entry_price", "quantity", "closed_qty", "pnl_percent", "pnl_usd"]
)
def test_a_number_of_a_close_that_is_none_is_unknown(name: str) -> None:
    for given in NO_NUMBERS:
        check_absent(close(**{name: given}), name, "quantity" if name == "closed_qty" else name)


@pytest.mark.parametrize("name", ["exit_price", "entry_price", "quantity"])
@pytest.mark.parametrize("given", NOT_ABOVE_ZERO)
def test_a_price_or_quantity_of_a_close_of_zero_is_unknown(name: str, given: object) -> None:
    check_absent(close(**{name: given}), name, name)


@pytest.mark.parametrize("given", ["r" * 1025, ["tp"], {"a": 1}, True])
def test_a_reason_that_can_not_be_kept_is_none(given: object) -> None:
    found = close(exit_reason=given)
    assert (found.reason, found.unusable) == ("", ("exit_reason",))


def test_a_close_reads_nothing_that_it_does_not_need() -> None:
    found = close(
        leverage="0", reduce_only="maybe", confidence="nan", action="OPEN", timestamp="soon", paper="maybe",
        order_id=["x"], trace_id={"a": 1}, positionSide="UP", side=5, remaining="much", is_partial="so",
    )  # fmt: skip
    assert (found.symbol, found.side, found.paper, found.order_id) == ("BTCUSDT", None, False, "")
    assert set(found.unusable) == {
        "paper", "order_id", "trace_id", "positionSide", "side", "remaining", "is_partial"
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["pnl_usd", "order_id", "reason", "timestamp", "side", "paper_trade", "partial"]
)
def test_bytes_that_are_not_utf8_refuse_no_close(name: str) -> None:
    found = translated({"symbol": b"BTCUSDT", name: b"\xff"}, TRADE_CLOSED)
    assert isinstance(found, TradeClosed)
    assert [each.field for each in found.assumptions] == [name]


@pytest.mark.parametrize(
    "name", ["leverage", "price", "order_id", "regime", "timestamp", "side", "positionSide"]
)
def test_bytes_that_are_not_utf8_refuse_no_exit(name: str) -> None:
    found = translated({"symbol": b"BTCUSDT", "action": b"CLOSE", name: b"\xff"})
    assert isinstance(found, TradeIntent)
    assert found.kind is IntentKind.CLOSE
    assert [each.field for each in found.assumptions] == [name]


@pytest.mark.parametrize("side", ["SELL", "short"])
def test_a_size_below_zero_is_that_of_a_sale(side: str) -> None:
    found = intent(side=side, quantity="-1.5")
    assert (found.kind, found.quantity, found.in_units, found.unusable) == (
        IntentKind.OPEN,
        Decimal("1.5"),
        True,
        (),
    )
    assert [(each.field, each.value) for each in found.assumptions] == [("quantity", "-1.5")]
    assert intent(side=side, price=2, position_size_usd=-10).quantity == Decimal(5)


@pytest.mark.parametrize("said", EXITS, ids=repr)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_the_sign_of_a_quantity_is_ignored_in_an_exit(said: dict[str, object], side: str) -> None:
    if said == {"positionSide": "SHORT"} and side == "SELL":
        said = {"positionSide": "LONG"}
    found = intent(**{"side": side, **said, "qty": -2})
    assert (found.is_exit, found.quantity, found.in_units) == (True, Decimal(2), True)
    assert [each.field for each in found.assumptions] == ["qty"]


def test_the_sign_of_a_quantity_is_ignored_in_a_report() -> None:
    found = close(closed_quantity="-3")
    assert (found.quantity, [each.field for each in found.assumptions]) == (Decimal(3), ["closed_quantity"])


def test_only_a_quantity_that_was_given_is_in_units() -> None:
    assert intent(quantity=1).in_units
    assert intent(qty=1, position_size_usd=5, price=1).in_units
    assert not intent(position_size_usd=5, price=1).in_units
    assert not intent().in_units
