"""The field table of a close."""

from decimal import Decimal

import pytest

from exitbrain.domain.messages.message import TRADE_CLOSED, TradeClosed
from exitbrain.domain.values import Side, TimeOrigin
from tests.unit.wire.made import close, translated


def test_a_close_says_its_prices_and_results_exactly() -> None:
    found = close(exit_price="0.11384645177535838", pnl_percent=-3.03, pnl_usd="0.0", order_id=89628152)
    assert (found.exit_price, found.pnl_percent, found.pnl_usd) == (
        Decimal("0.11384645177535838"),
        Decimal("-3.03"),
        Decimal(0),
    )
    assert found.order_id == "89628152"


def test_a_close_that_says_nothing_but_its_symbol_is_a_close() -> None:
    found = close(account="desk")
    assert (found.symbol, found.account, found.side, found.exit_price) == ("BTCUSDT", "desk", None, None)
    assert (found.pnl_percent, found.pnl_usd, found.order_id, found.reason) == (None, None, "", "")
    assert found.assumptions == ()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"reason": "stop", "exit_reason": "other"}, "stop"),
        ({"reason": " ", "exit_reason": "target"}, "target"),
        ({"exit_reason": "r" * 1024}, "r" * 1024),
    ],
)
def test_the_reason_has_two_names(said: dict[str, object], reason: str) -> None:
    assert close(**said).reason == reason


@pytest.mark.parametrize(("word", "side"), [("buy", Side.LONG), ("SHORT", Side.SHORT)])
def test_the_side_of_a_close_is_read(word: str, side: Side) -> None:
    assert close(side=word).side is side


@pytest.mark.parametrize("word", ["BOTH", 5, {"a": 1}])
def test_a_side_that_a_close_does_not_need_is_recorded_and_not_refused(word: object) -> None:
    found = close(side=word)
    assert found.side is None
    assert [assumption.field for assumption in found.assumptions] == ["side"]


def test_the_action_of_a_close_is_not_its_side() -> None:
    assert close(action="SELL").side is None


def test_a_flat_close_is_read_like_a_wrapped_one() -> None:
    flat = translated({"symbol": "ethusdt", "pnl_percent": "0.12", "timestamp": "1766612429"}, TRADE_CLOSED)
    assert isinstance(flat, TradeClosed)
    assert (flat.symbol, flat.pnl_percent, flat.time.origin) == (
        "ETHUSDT",
        Decimal("0.12"),
        TimeOrigin.PAYLOAD,
    )
