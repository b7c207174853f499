"""An exit is never lost, and never ends the wrong position: whole stories, each replayed afterwards."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.receipt import Disposition, IgnoredExit, MessageReceived, Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.positions.events import CloseReported, PositionClosed, PositionReduced
from exitbrain.domain.positions.position import Position
from exitbrain.domain.values import Origin, Side, Whose
from exitbrain.infrastructure.wire.incoming import from_fields
from tests.world import MAX_BYTES, NOON, NOON_MS, World

LONG: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "side": "BUY",
    "entry_price": 3000,
    "quantity": 1,
    "leverage": 10,
}
SHORT = {**LONG, "side": "SELL", "entry_price": 3030}
MINUTE = 60_000


class Story(World):
    """A world whose messages come at chosen minutes, and which is replayed at its end."""

    def at(self, minutes: float) -> str:
        self.clock.at = max(self.clock.at, NOON + timedelta(minutes=minutes))
        return f"{NOON_MS + int(minutes * MINUTE)}-0"

    def enters(self, minutes: float, **said: Any) -> MessageResult:
        return self.intent(entry_id=self.at(minutes), **{**LONG, **said})

    def asks(self, minutes: float, **said: Any) -> MessageResult:
        return self.intent(entry_id=self.at(minutes), **{"symbol": "ETHUSDT", **said})

    def reports(self, minutes: float, **said: Any) -> MessageResult:
        return self.closed(entry_id=self.at(minutes), **{"symbol": "ETHUSDT", **said})

    def held(self, account: str = "default") -> Position | None:
        latest = self.ledger.latest_position(account, "ETHUSDT")
        return latest if latest is not None and latest.is_open else None


def story(**settings: Any) -> Story:
    return Story(settings=DecisionSettings(**settings))


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Iterator[Story]:
    world = story(**getattr(request, "param", {}))
    yield world
    world.check_every_replay_is_exact()


def ignored(outcome: MessageResult, reason: Reason, *, expected: bool) -> IgnoredExit:
    assert outcome.reason is reason
    assert outcome.ignored_exit is not None
    assert outcome.ignored_exit.expected is expected
    return outcome.ignored_exit


def event(world: World, outcome: MessageResult, kind: type) -> Any:
    return next(one for one in world.events_of(outcome) if isinstance(one, kind))


def is_taken(outcome: MessageResult) -> bool:
    return outcome.disposition is Disposition.ACCEPTED


# Whose close it is.


def test_the_executors_report_of_a_flip_leaves_the_new_position_and_counts_once(told: Story) -> None:
    told.enters(0)
    told.enters(10, **{**SHORT, "entry_price": None})
    report = told.reports(10.02, side="LONG", exit_price=3030, pnl_percent=1.0)
    met = ignored(report, Reason.EARLIER_CYCLE, expected=False)
    assert (met.rule, met.open and met.open.side, met.last and met.last.side) == (
        Whose.AWAITED_REPORT,
        Side.SHORT,
        Side.LONG,
    )
    held = told.held()
    assert held is not None
    assert held.side is Side.SHORT
    assert event(told, report, CloseReported).result.pnl_percent == 1
    again = told.reports(10.03, side="LONG", exit_price=3030, pnl_percent=1.0, entry_price=3000)
    ignored(again, Reason.EARLIER_CYCLE, expected=True)
    decision = told.decision_of(told.enters(11, **SHORT))
    assert (decision.inputs.average_pnl, decision.context.window.trades) == (1.0, 1)


def test_a_flip_with_a_price_has_its_result_and_the_report_adds_none(told: Story) -> None:
    told.enters(0)
    told.enters(10, **SHORT)
    report = told.reports(10.02, side="SELL", exit_price=3030, pnl_percent=1.1)
    assert event(told, report, CloseReported).result is None
    assert told.decision_of(told.enters(11, **SHORT)).context.window.trades == 1


def test_a_late_report_after_a_re_entry_on_the_other_side_leaves_it(told: Story) -> None:
    told.enters(0)
    told.asks(10, side="CLOSE", price=3010)
    told.enters(11, **SHORT)
    ignored(told.reports(11.5, side="LONG", exit_price=3010), Reason.EARLIER_CYCLE, expected=False)
    assert told.held() is not None


def test_a_report_without_an_open_position_is_kept_with_the_one_that_an_intent_ended(told: Story) -> None:
    told.enters(0)
    told.asks(10, side="CLOSE")
    report = told.reports(10.02, exit_price=3030, order_id="8389765512345678901")
    ignored(report, Reason.EARLIER_CYCLE, expected=True)
    assert event(told, report, CloseReported).result.pnl_percent == 1
    again = told.reports(10.03, exit_price=3030, order_id="8389765512345678901")
    ignored(again, Reason.DUPLICATE_CLOSE, expected=True)


@pytest.mark.parametrize(
    ("entry", "close"),
    [
        ({"timestamp": NOON_MS + 25_000}, {}),
        ({"timestamp": "2026-01-01T14:00:00"}, {"timestamp": "2026-01-01T13:00:00Z"}),
        ({}, {"timestamp": NOON_MS - 5 * 3_600_000}),
        ({"timestamp": NOON_MS}, {"timestamp": NOON_MS - 5 * 3_600_000}),
        ({"timestamp": NOON_MS // 1000}, {"timestamp": "2026-01-01T07:00:00+00:00"}),
    ],
)
def test_a_clock_that_is_wrong_never_keeps_a_position_open(
    told: Story, entry: dict[str, Any], close: dict[str, Any]
) -> None:
    told.enters(-600, **{**entry, "timestamp": NOON_MS - 36_000_000})
    told.reports(-590)
    told.enters(0, **entry)
    assert is_taken(told.reports(60, exit_price=3030, **close))
    assert told.held() is None


def test_a_close_from_before_the_opening_is_of_the_cycle_before(told: Story) -> None:
    told.enters(0)
    told.reports(5)
    told.enters(10)
    met = ignored(told.reports(9), Reason.EARLIER_CYCLE, expected=True)
    assert met.rule is Whose.STREAM_ORDER
    assert told.held() is not None


def test_an_entry_price_names_its_position(told: Story) -> None:
    told.enters(0)
    told.enters(10, **SHORT)
    assert told.reports(60, entry_price=3000).reason is Reason.EARLIER_CYCLE
    closed = event(told, told.reports(61, entry_price="3031.4"), PositionClosed)
    assert (closed.rule, closed.side) == (Whose.NAMED, Side.SHORT)


def test_an_order_to_reduce_that_comes_after_the_flip_leaves_the_new_position(told: Story) -> None:
    told.enters(0)
    told.enters(10, **SHORT)
    late = told.asks(11, side="SELL", reduce_only=True, quantity=1)
    ignored(late, Reason.EARLIER_CYCLE, expected=False)
    assert is_taken(told.asks(11.5, side="BUY", reduce_only=True, quantity=1))
    assert told.held() is None


# Order ids.


@pytest.mark.parametrize(
    "order_id", ["", "None", "null", "NaN", "0", "?", "N/A", "unknown", "-", "-1", " none "]
)
def test_a_placeholder_is_no_order_id(told: Story, order_id: str) -> None:
    for cycle in range(3):
        told.enters(10 * cycle)
        report = told.reports(10 * cycle + 5, exit_price=3030, order_id=order_id)
        assert is_taken(report)
        assert any(one.field == "order_id" for one in event(told, report, PositionClosed).assumptions)


@pytest.mark.parametrize("order_id", ["8389765512345678901", "1000000", "abc", "close-7", "x" * 400])
def test_a_real_order_id_counts_once_for_ever(told: Story, order_id: str) -> None:
    told.enters(0)
    told.reports(5, exit_price=3030, order_id=order_id)
    told.enters(10)
    ignored(told.reports(15, exit_price=3035, order_id=order_id), Reason.DUPLICATE_CLOSE, expected=True)
    ignored(told.reports(16, exit_price=3100, order_id=order_id), Reason.DUPLICATE_CLOSE, expected=False)
    assert told.held() is not None


@pytest.mark.parametrize("order_id", ["7", "999999", "0007"])
def test_a_counter_counts_within_its_cycle(told: Story, order_id: str) -> None:
    told.enters(0)
    assert is_taken(told.reports(5, exit_price=3030, order_id=order_id))
    ignored(told.reports(5.1, order_id=order_id), Reason.DUPLICATE_CLOSE, expected=True)
    ignored(told.reports(5.2, entry_price=3000, order_id=order_id), Reason.DUPLICATE_CLOSE, expected=True)
    told.enters(10)
    assert is_taken(told.reports(15, exit_price=3030, order_id=order_id))


def test_any_id_of_a_paper_message_is_a_counter(told: Story) -> None:
    for cycle in range(2):
        told.enters(10 * cycle, paper_trade=True)
        assert is_taken(told.reports(10 * cycle + 5, order_id="8389765512345678901", paper_trade="true"))


def test_equal_reports_without_an_id_prove_nothing(told: Story) -> None:
    for cycle in range(2):
        told.enters(10 * cycle)
        assert is_taken(told.reports(10 * cycle + 5, exit_price=3030, pnl_percent=1))


def test_a_reduction_does_not_use_up_an_order_id_and_counts_once_itself(told: Story) -> None:
    told.enters(0, quantity=4)
    part = {"order_id": "8389765512345678901", "exit_price": 3030, "quantity": 1}
    first = told.reports(5, trade_id="11", **part)
    assert event(told, first, PositionReduced).order_id == "8389765512345678901"
    ignored(told.reports(5.1, trade_id="11", **part), Reason.DUPLICATE_CLOSE, expected=True)
    assert is_taken(told.reports(6, trade_id="12", **part))
    assert is_taken(told.reports(7, **part))
    ignored(told.reports(7.1, **part), Reason.DUPLICATE_CLOSE, expected=True)
    held = told.held()
    assert held is not None
    assert held.quantity == 1
    assert is_taken(told.reports(8, order_id="8389765512345678901"))
    assert told.held() is None


@pytest.mark.parametrize("told", [{"dedupe_by": "correlation_id"}], indirect=True)
def test_an_entry_and_its_close_may_share_a_key_of_their_producer(told: Story) -> None:
    assert is_taken(told.enters(0, correlation_id="signal-1"))
    assert is_taken(told.asks(1, side="SELL", reduce_only=True, quantity="0.5", correlation_id="signal-1"))
    assert is_taken(told.reports(5, correlation_id="signal-1"))
    ignored(told.reports(6, correlation_id="signal-1"), Reason.DUPLICATE_MESSAGE, expected=True)
    assert told.enters(7, correlation_id="signal-1").reason is Reason.DUPLICATE_MESSAGE
    assert is_taken(told.enters(8, correlation_id="unknown"))
    assert is_taken(told.enters(9, correlation_id="unknown"))
    told.enters(10, **SHORT)
    told.reports(10.1, side="LONG", correlation_id="signal-2")
    ignored(told.reports(30, correlation_id="signal-2"), Reason.DUPLICATE_MESSAGE, expected=True)


# How much it ends.


@pytest.mark.parametrize(
    "useless",
    [
        {"exit_price": "0", "pnl_percent": "nan", "pnl_usd": "inf"},
        {"exit_price": "-3", "quantity": "none", "side": "sideways"},
        {"leverage": "0", "quantity": "0", "timestamp": "yesterday"},
        {"quantity": "x" * 500, "reason": "r" * 5000, "positionSide": "?!"},
    ],
)
def test_what_can_not_be_used_keeps_no_position_open(told: Story, useless: dict[str, str]) -> None:
    told.enters(0)
    report = told.reports(5, **useless)
    closed = event(told, report, PositionClosed)
    assert (closed.result, told.held()) == (None, None)
    assert closed.assumptions


def test_a_part_in_units_reduces_and_dust_does_not_stay_open(told: Story) -> None:
    told.enters(0, quantity=4)
    reduced = event(told, told.reports(5, quantity=3, exit_price=3030), PositionReduced)
    assert (reduced.by, reduced.quantity, reduced.exit_price) == (3, 1, 3030)
    assert is_taken(told.asks(6, side="CLOSE", quantity="0.99"))
    assert told.held() is None


def test_minimum_notional_and_step_are_read_and_replayed() -> None:
    world = Story(instruments=Known())
    for minutes, quantity, stays in ((0, "0.97", False), (10, "0.5", True)):
        world.enters(minutes)
        report = world.reports(minutes + 5, quantity=quantity, exit_price=3000)
        assert (world.held() is not None) is stays
        receipt = world.ledger.receipts([report.receipt_id])[report.receipt_id]
        assert receipt.snapshot is not None
    world.check_every_replay_is_exact()


class Known:
    """A venue that knows one instrument."""

    def instrument(self, symbol: str) -> Instrument | None:
        return Instrument(symbol, step_size=Decimal("0.01"), min_notional=Decimal(100))


def test_a_quantity_from_money_ends_the_whole(told: Story) -> None:
    told.asks(0, side="BUY", entry_price=3000, position_size_usd=3000, leverage=10)
    assert is_taken(told.reports(5, quantity="0.5"))
    assert told.held() is None


def test_words_of_a_rest_reduce_by_what_is_known(told: Story) -> None:
    told.enters(0, quantity=4)
    reduced = event(told, told.reports(5, remaining_quantity=1), PositionReduced)
    assert (reduced.by, reduced.quantity) == (3, 1)
    assert event(told, told.reports(6, reason="PARTIAL_TP"), PositionReduced).quantity is None
    assert "price_is_known" not in told.decision_of(told.enters(7)).levels.guards.passed
    assert is_taken(told.reports(8))
    assert told.held() is None


# What says exit never opens.


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ({"side": "SELL", "positionSide": "LONG", "quantity": 1}, True),
        ({"side": "SELL", "positionSide": "LONG", "quantity": "0.5"}, False),
        ({"side": "SELL", "closePosition": "true"}, True),
        ({"action": "sell", "market_position": "flat", "market_position_size": "0"}, True),
        ({"action": "sell", "market_position": "long", "market_position_size": "0.25"}, False),
        ({"side": "SELL", "intent_type": "stop-loss"}, True),
        ({"side": "SELL", "intent_type": "TAKE_PROFIT", "quantity": "0.5"}, False),
        ({"side": "SELL", "reduce_only": "1", "quantity": 1}, True),
        ({"side": "LIQUIDATION"}, True),
        ({"side": "CLOSE", "price": "0", "leverage": "0"}, True),
    ],
)
def test_an_exit_in_any_words_reduces_or_closes(told: Story, said: dict[str, Any], ends: bool) -> None:
    told.enters(0)
    assert is_taken(told.asks(5, **said))
    assert (told.held() is None) is ends
    assert told.ledger.latest_position("default", "ETHUSDT").cycle == 1  # type: ignore[union-attr]


def test_an_exit_word_beside_an_entry_word_is_refused(told: Story) -> None:
    told.enters(0)
    refused = told.asks(5, side="CLOSE", action="OPEN")
    ignored(refused, Reason.CONTRADICTION, expected=False)
    assert refused.disposition is Disposition.REFUSED


def test_an_entry_on_the_side_that_is_not_held_proves_hedge_mode(told: Story) -> None:
    told.enters(0, positionSide="LONG")
    refused = told.asks(5, **{**SHORT, "positionSide": "SHORT"})
    assert (refused.disposition, refused.reason) == (Disposition.REFUSED, Reason.HEDGE_MODE)
    assert refused.ignored_exit is None
    held = told.held()
    assert held is not None
    assert held.side is Side.LONG


def test_an_exit_of_a_side_that_is_not_held_ends_nothing(told: Story) -> None:
    told.enters(0)
    met = ignored(told.asks(5, side="BUY", positionSide="SHORT"), Reason.NO_OPEN_POSITION, expected=False)
    assert (met.side, met.open and met.open.side) == (Side.SHORT, Side.LONG)
    ignored(told.reports(6, positionSide="SHORT"), Reason.NO_OPEN_POSITION, expected=False)
    assert told.held() is not None


def test_a_bare_flat_is_never_silent_while_a_position_is_held(told: Story) -> None:
    assert told.asks(0, side="FLAT").ignored_exit is None
    told.enters(1)
    ignored(told.asks(2, side="FLAT"), Reason.NOT_AN_ENTRY, expected=False)
    assert told.asks(3, side="HOLD").ignored_exit is None


@pytest.mark.parametrize("told", [{"flat": "close"}], indirect=True)
def test_a_bare_flat_closes_where_the_setting_says_so(told: Story) -> None:
    told.enters(1)
    assert is_taken(told.asks(2, side="FLAT"))
    assert told.held() is None
    ignored(told.asks(3, side="FLAT"), Reason.NO_OPEN_POSITION, expected=False)


# Names, paper, accounts, the operator.


@pytest.mark.parametrize(
    "symbol", ["ETH/USDT:USDT", "ETHUSDT.P", "BINANCE:ETHUSDT.P", "ETH/USDT", "BINANCE:ETHUSDT"]
)
def test_a_close_under_another_spelling_ends_the_position(told: Story, symbol: str) -> None:
    told.enters(0)
    assert is_taken(told.reports(5, symbol=symbol))
    assert told.held() is None


@pytest.mark.parametrize("told", [{"spot_names": "refuse"}], indirect=True)
def test_spot_names_are_refused_where_the_setting_says_so(told: Story) -> None:
    told.enters(0, symbol="ETH/USDT:USDT")
    refused = told.reports(5, symbol="ETH/USDT")
    ignored(refused, Reason.SPOT_NAME, expected=False)
    assert refused.refusal is not None
    assert refused.refusal.value == "ETH/USDT"
    assert told.held() is not None


def test_paper_and_live_never_mix(told: Story) -> None:
    told.enters(0)
    told.enters(1, paper_trade=True, side="SELL")
    live, paper = told.held(), told.held("default.paper")
    assert live is not None
    assert paper is not None
    assert (live.side, paper.side) == (Side.LONG, Side.SHORT)
    assert is_taken(told.reports(5, paper_trade="yes"))
    met = ignored(told.reports(6, paper_trade="yes"), Reason.NO_OPEN_POSITION, expected=False)
    assert (met.account, met.held_by) == ("default.paper", "default")
    assert told.held() is not None


@pytest.mark.parametrize("told", [{"paper": "ignore"}], indirect=True)
def test_paper_is_ignored_where_the_setting_says_so(told: Story) -> None:
    assert told.enters(0, paper_trade=True).reason is Reason.PAPER
    ignored(told.reports(1, paper_trade="1"), Reason.PAPER, expected=True)
    told.enters(2)
    ignored(told.reports(3, paper_trade="1"), Reason.PAPER, expected=False)
    assert told.held() is not None


def test_an_exit_that_meets_nothing_names_the_other_account_that_alone_holds_the_symbol(told: Story) -> None:
    told.enters(0, account="other")
    assert ignored(told.reports(5), Reason.NO_OPEN_POSITION, expected=False).held_by == "other"
    told.enters(6, account="third")
    assert ignored(told.reports(7), Reason.NO_OPEN_POSITION, expected=False).held_by is None


def test_within_a_batch_the_other_account_is_the_one_that_holds_now(told: Story) -> None:
    opening = told.message("trade.intent", {**LONG, "account": "other"})
    close = told.message("trade.closed", {"symbol": "ETHUSDT"})
    end = told.message("trade.closed", {"symbol": "ETHUSDT", "account": "other"})
    again = told.message("trade.closed", {"symbol": "ETHUSDT"})
    outcomes = told.recorder.handle_batch([opening, close, end, again])
    met = [outcome.ignored_exit for outcome in outcomes]
    assert [one and one.held_by for one in met] == [None, "other", None, None]


def test_an_operator_ends_a_phantom(told: Story) -> None:
    told.enters(0)
    fields = {"symbol": "ETHUSDT", "price": "3030", "why": "closed by hand", "by": "ann"}
    outcome = told.recorder.handle(
        from_fields("book.close", None, fields, origin=Origin.LIVE, max_bytes=MAX_BYTES)
    )
    closed = event(told, outcome, PositionClosed)
    assert (closed.reason, closed.result.pnl_percent, closed.rule) == ("BOOK_CLOSE", 1, None)
    assert told.held() is None


def test_every_exit_that_ends_nothing_is_told(told: Story) -> None:
    told.reports(0)
    told.asks(1, side="CLOSE")
    told.enters(10)
    told.asks(5, side="CLOSE")
    told.closed(entry_id=told.at(11), pnl_percent=1)
    told.asks(12, side="SELL", reduce_only="maybe")
    met = {
        receipt.reason: receipt.ignored_exit
        for receipt in (entry.event for entry in told.ledger.log())
        if isinstance(receipt, MessageReceived) and receipt.disposition is not Disposition.ACCEPTED
    }
    assert met.keys() == {Reason.NO_OPEN_POSITION, Reason.SUPERSEDED, Reason.NO_SYMBOL, Reason.BAD_VALUE}
    assert all(one is not None and not one.expected for one in met.values())
    assert (bad := met[Reason.BAD_VALUE]) is not None
    assert bad.open is not None
