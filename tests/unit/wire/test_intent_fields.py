"""The field table of an intent: each name, each form a value may have, each default."""

from decimal import Decimal

import pytest

from exitbrain.domain.messages.message import IntentKind
from exitbrain.domain.values import Side
from tests.unit.wire.made import intent, translated


@pytest.mark.parametrize(
    ("given", "symbol"),
    [
        (" btcusdt ", "BTCUSDT"),
        ("1000pepeusdt", "1000PEPEUSDT"),
        ("币安usdt", "币安usdt"),
        ("X" * 64, "X" * 64),
    ],
)
def test_a_symbol_is_trimmed_and_upper_cased_when_it_is_ascii(given: str, symbol: str) -> None:
    assert intent(symbol=given).symbol == symbol


@pytest.mark.parametrize("name", ["side", "action", "direction"])
@pytest.mark.parametrize(
    ("word", "side"),
    [("BUY", Side.LONG), ("Long", Side.LONG), ("sell", Side.SHORT), (" short ", Side.SHORT)],
)
def test_a_side_is_read_under_each_name_in_any_case(name: str, word: str, side: Side) -> None:
    translation = intent(**{"side": None, name: word})
    assert (translation.kind, translation.side) == (IntentKind.OPEN, side)


@pytest.mark.parametrize("name", ["side", "action", "direction"])
@pytest.mark.parametrize("other", [{}, {"intent_type": "ENTRY"}, {"positionSide": "SHORT"}])
def test_hold_asks_for_nothing_whatever_else_says_order_or_entry(name: str, other: dict[str, object]) -> None:
    translation = intent(**{"side": "BUY", name: " hold ", "leverage": 0, "price": 0, **other})
    assert (translation.kind, translation.side, translation.unusable) == (IntentKind.NOTHING, None, ())


@pytest.mark.parametrize("name", ["side", "action", "direction"])
def test_flat_is_a_kind_of_its_own_and_never_opens(name: str) -> None:
    assert intent(**{"side": None, name: "flat"}).kind is IntentKind.FLAT
    beside = intent(**{"side": "BUY", name: "FLAT", "leverage": 0, "price": 0})
    assert (beside.kind, beside.leverage, beside.entry_price) == (IntentKind.FLAT, None, None)


def test_a_message_that_asks_for_nothing_keeps_what_travels_along() -> None:
    translation = intent(side="HOLD", order_id=7, regime="calm", account="desk")
    assert (translation.order_id, translation.regime, translation.account) == ("7", "calm", "desk")


def test_close_asks_to_close_without_a_side() -> None:
    translation = intent(side="close", quantity=2)
    assert (translation.kind, translation.side, translation.quantity) == (IntentKind.CLOSE, None, Decimal(2))


def test_close_beside_a_direction_closes_and_keeps_the_direction() -> None:
    translation = intent(side="SELL", action="CLOSE")
    assert (translation.kind, translation.side) == (IntentKind.CLOSE, Side.SHORT)


@pytest.mark.parametrize(
    ("names", "field", "value"),
    [
        (("entry_price", "price"), "entry_price", Decimal("3.5")),
        (("quantity", "qty"), "quantity", Decimal("3.5")),
        (("leverage", "ai_leverage"), "leverage", 3.5),
        (("volatility_factor",), "volatility", 3.5),
        (("funding_rate",), "funding", 3.5),
        (("exchange_divergence",), "divergence", 3.5),
        (("confidence",), "confidence", 3.5),
        (("atr_value",), "atr_value", 3.5),
    ],
)
def test_a_number_is_read_under_each_name_in_the_order_of_the_table(
    names: tuple[str, ...], field: str, value: object
) -> None:
    for given in (3.5, "3.5", " +35e-1 "):
        for position, name in enumerate(names):
            later = dict.fromkeys(names[position + 1 :], 9)
            earlier: dict[str, object] = dict.fromkeys(names[:position])
            assert getattr(intent(**earlier, **{name: given}, **later), field) == value


@pytest.mark.parametrize(
    "field",
    [
        "account", "entry_price", "quantity", "leverage", "volatility", "funding", "divergence", "confidence",
        "atr_value", "regime",
    ],
)  # fmt: skip
def test_what_a_message_does_not_say_is_none(field: str) -> None:
    assert getattr(intent(), field) is None


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_null_and_empty_text_count_as_absent_so_that_the_next_name_is_tried(nothing: str | None) -> None:
    translation = intent(side=nothing, action="SELL", entry_price=nothing, price=2, leverage=nothing)
    assert (translation.side, translation.entry_price, translation.leverage) == (
        Side.SHORT,
        Decimal(2),
        None,
    )


def test_prices_and_quantities_keep_every_digit_and_ratios_become_the_nearest_double() -> None:
    fields = '"entry_price": 0.12345678901234567890123456789, "qty": 43250.50, "funding_rate": 0.1'
    translation = translated({"payload": f'{{"symbol": "A", "side": "BUY", {fields}}}'})
    assert str(getattr(translation, "entry_price", None)) == "0.12345678901234567890123456789"
    assert str(getattr(translation, "quantity", None)) == "43250.50"
    assert getattr(translation, "funding", None) == 0.1


@pytest.mark.parametrize("name", ["position_size_usd", "position_usd", "ai_size_usd"])
def test_a_quantity_is_the_size_in_dollars_over_the_price(name: str) -> None:
    quantity = intent(entry_price=1.465, **{name: "200.0"}).quantity
    assert str(quantity) == "136.5187713310580204778156997"


def test_a_given_quantity_beats_one_from_the_size() -> None:
    assert intent(price=100, position_size_usd=500, qty=2).quantity == 2


def test_a_size_without_a_price_leaves_the_quantity_unknown() -> None:
    assert intent(position_size_usd=500).quantity is None


@pytest.mark.parametrize("leverage", [1, "125", 56.00000000000001])
def test_leverage_may_be_anything_from_1_to_125(leverage: float | str) -> None:
    assert intent(leverage=leverage).leverage == float(leverage)


def test_ratios_outside_their_documented_range_are_still_taken() -> None:
    translation = intent(
        volatility_factor=3.007, exchange_divergence=19.04, confidence=-7, funding_rate=-1, atr_value=1234.56
    )
    assert (translation.volatility, translation.divergence) == (3.007, 19.04)
    assert (translation.confidence, translation.funding, translation.atr_value) == (-7.0, -1.0, 1234.56)


def test_context_may_be_text_or_a_number() -> None:
    translation = intent(order_id=89628152, regime=3.50, account=" desk-1 ")
    assert (translation.order_id, translation.regime, translation.account) == ("89628152", "3.5", "desk-1")


def test_an_order_id_that_was_not_said_is_empty() -> None:
    assert intent().order_id == ""


def test_an_account_keeps_its_case() -> None:
    assert intent(account="Desk").account == "Desk"


def test_fields_that_nobody_reads_may_hold_anything() -> None:
    assert intent(stop_loss="soon", model={"a": [1, None]}, trace_id="\ud800").symbol == "BTCUSDT"
