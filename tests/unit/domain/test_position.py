"""Position: one round trip, from opening to close."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from exitbrain.domain.errors import WrongState
from exitbrain.domain.events import Stamp
from exitbrain.domain.identity import position_id
from exitbrain.domain.positions.events import (
    CloseReported,
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
    Result,
)
from exitbrain.domain.positions.position import BOTH, Position
from exitbrain.domain.values import Assumption, EntryId, Side, TimeOrigin, Whose, changed
from tests.unit.domain.specification import Given, given

NOON = datetime(2025, 12, 24, 12, tzinfo=UTC)
STAMP = Stamp(UUID(int=1), "trade.intent", EntryId(1000, 0), NOON, TimeOrigin.PAYLOAD, NOON)
LATER = changed(STAMP, cause_id=UUID(int=2), entry_id=EntryId(2000, 5))
WHOSE = Whose.OPEN_POSITION
OPENED = PositionOpened(
    "default", "BTCUSDT", BOTH, 1, Side.LONG, 10.0, Decimal(100), Decimal(3), {}, True, "server", None, STAMP
)
CLOSED = PositionClosed(
    "default",
    "BTCUSDT",
    Side.LONG,
    10.0,
    "tp",
    Decimal(100),
    None,
    None,
    None,
    "",
    WHOSE,
    True,
    "server",
    None,
    (),
    LATER,
)


def position(*events: Any) -> Given[Position]:
    return given(Position(position_id("default", "BTCUSDT", BOTH, 1)), *events)


def opened_after(previous: Position | None) -> Position:
    return Position.open(
        account="default",
        symbol="BTCUSDT",
        previous=previous,
        side=Side.LONG,
        leverage=10.0,
        entry_price=Decimal(100),
        quantity=Decimal(3),
        in_units=True,
        server="server",
        clock=None,
        stamp=STAMP,
    )


def closing(**changes: Any) -> Any:
    command = {
        "reason": "tp",
        "exit_price": None,
        "reported_pnl_percent": None,
        "pnl_usd": None,
        "order_id": "",
        "rule": WHOSE,
        "reported": True,
        "server": "server",
        "clock": None,
        "assumptions": (),
        "stamp": LATER,
    }
    return lambda p: p.close(**(command | changes))


def reducing(by: Decimal | None, rest: Decimal | None, **changes: Any) -> Any:
    said = {
        "exit_price": Decimal(101),
        "order_id": "8",
        "rule": WHOSE,
        "assumptions": (),
        "stamp": LATER,
    }
    return lambda p: p.reduce(by, rest, **(said | changes))


def reporting(**changes: Any) -> Any:
    said = {
        "exit_price": None,
        "pnl_percent": None,
        "pnl_usd": None,
        "order_id": "",
        "rule": Whose.AWAITED_REPORT,
        "assumptions": (),
        "stamp": LATER,
    }
    return lambda p: p.report(**(said | changes))


def reported(result: Result | None, **changes: Any) -> CloseReported:
    plain = CloseReported("default", "BTCUSDT", None, None, None, "", result, Whose.AWAITED_REPORT, (), LATER)
    return changed(plain, **changes)


def test_the_first_cycle_of_a_symbol_is_1() -> None:
    opened = opened_after(None)

    assert opened.id == position_id("default", "BTCUSDT", BOTH, 1)
    assert [record.event for record in opened.collect()] == [OPENED]
    assert opened.is_open
    assert opened.opened.at == NOON


def test_the_next_cycle_opens_after_a_close_and_inherits_the_newest_entries() -> None:
    closed = position(OPENED, CLOSED).aggregate

    opened = opened_after(closed)

    assert opened.cycle == 2
    assert opened.id == position_id("default", "BTCUSDT", BOTH, 2)
    (record,) = opened.pending
    assert isinstance(record.event, PositionOpened)
    assert record.event.newest_entries == {"trade.intent": EntryId(2000, 5)}


def test_a_cycle_does_not_open_over_an_open_one() -> None:
    with pytest.raises(WrongState, match="cycle 1 of default is still open"):
        opened_after(position(OPENED).aggregate)


def test_an_increase_averages_the_entry_price() -> None:
    grown = (
        position(OPENED)
        .when(lambda p: p.increase(Decimal(110), Decimal(1), in_units=True, stamp=LATER))
        .then(PositionIncreased(Decimal(110), Decimal(1), Decimal("102.5"), Decimal(4), True, LATER))
    )

    assert grown.entry_price == Decimal("102.5")
    assert grown.quantity == Decimal(4)


@pytest.mark.parametrize(("price", "quantity"), [(None, Decimal(1)), (Decimal(110), None), (None, None)])
def test_an_increase_by_something_unknown_keeps_the_price_and_loses_the_quantity(
    price: Decimal | None, quantity: Decimal | None
) -> None:
    position(OPENED).when(lambda p: p.increase(price, quantity, in_units=True, stamp=LATER)).then(
        PositionIncreased(price, quantity, Decimal(100), None, True, LATER)
    )


def test_an_increase_of_an_unknown_quantity_stays_unknown() -> None:
    position(changed(OPENED, quantity=None)).when(
        lambda p: p.increase(Decimal(110), Decimal(1), in_units=True, stamp=LATER)
    ).then(PositionIncreased(Decimal(110), Decimal(1), Decimal(100), None, True, LATER))


def test_leverage_changes_from_what_it_was() -> None:
    changed = (
        position(OPENED)
        .when(lambda p: p.change_leverage(20.0, LATER))
        .then(LeverageChanged(10.0, 20.0, LATER))
    )

    assert changed.leverage == 20.0


def test_a_reduce_leaves_the_rest() -> None:
    assumed = (Assumption("side", "BUY", "a reduce closes"),)

    reduced = (
        position(OPENED)
        .when(reducing(Decimal("0.5"), Decimal("2.5"), assumptions=assumed))
        .then(PositionReduced(Decimal("0.5"), Decimal("2.5"), Decimal(101), "8", WHOSE, assumed, LATER))
    )

    assert reduced.quantity == Decimal("2.5")
    assert reduced.is_open


def test_a_reduce_by_something_unknown_leaves_an_unknown_rest() -> None:
    reduced = (
        position(OPENED)
        .when(reducing(None, None))
        .then(PositionReduced(None, None, Decimal(101), "8", WHOSE, (), LATER))
    )

    assert reduced.quantity is None


@pytest.mark.parametrize("rest", [Decimal(0), Decimal(-1)])
def test_a_reduce_that_leaves_nothing_is_refused(rest: Decimal) -> None:
    position(OPENED).when(reducing(Decimal(3), rest)).then_refused("must leave something")


def test_a_reported_result_is_kept_as_reported() -> None:
    closed = (
        position(OPENED)
        .when(closing(reported_pnl_percent=Decimal("0.73"), exit_price=Decimal(110), order_id="7"))
        .then(
            changed(
                CLOSED,
                exit_price=Decimal(110),
                result=Result(Decimal("0.73"), computed=False, counted=Decimal("0.73")),
                order_id="7",
            )
        )
    )

    assert not closed.is_open


@pytest.mark.parametrize(("side", "percent"), [(Side.LONG, Decimal("1.5")), (Side.SHORT, Decimal("-1.5"))])
def test_a_result_not_reported_is_the_price_return_in_percent(side: Side, percent: Decimal) -> None:
    held = position(changed(OPENED, side=side)).aggregate

    given(held).when(closing(exit_price=Decimal("101.5"))).then(
        changed(
            CLOSED,
            side=side,
            exit_price=Decimal("101.5"),
            result=Result(percent, computed=True, counted=percent),
        )
    )


@pytest.mark.parametrize(("entry", "exit_price"), [(None, Decimal(110)), (Decimal(100), None), (None, None)])
def test_without_both_prices_there_is_no_result(entry: Decimal | None, exit_price: Decimal | None) -> None:
    position(changed(OPENED, entry_price=entry)).when(closing(exit_price=exit_price)).then(
        changed(CLOSED, entry_price=entry, exit_price=exit_price)
    )


FLIPPED = changed(CLOSED, reason="FLIPPED", rule=None, reported=False)


def test_a_report_that_follows_an_end_by_an_intent_brings_the_result_that_was_missing() -> None:
    told = (
        position(OPENED, FLIPPED)
        .when(reporting(pnl_percent=Decimal("0.5")))
        .then(
            reported(
                Result(Decimal("0.5"), computed=False, counted=Decimal("0.5")), pnl_percent=Decimal("0.5")
            )
        )
    )

    assert (told.reported, told.has_result, told.is_open) == (True, True, False)


def test_a_report_adds_no_second_result() -> None:
    known = changed(FLIPPED, result=Result(Decimal(1), computed=True, counted=Decimal(1)))

    position(OPENED, known).when(reporting(pnl_percent=Decimal("0.5"))).then(
        reported(None, pnl_percent=Decimal("0.5"))
    )


def test_a_round_trip_is_reported_once_and_not_while_it_is_open() -> None:
    position(OPENED).when(reporting()).then_refused("is open", WrongState)
    position(OPENED, CLOSED).when(reporting()).then_refused("reported already", WrongState)
    position(OPENED, FLIPPED, reported(None)).when(reporting()).then_refused("reported already", WrongState)


@pytest.mark.parametrize(
    "command",
    [
        lambda p: p.increase(Decimal(1), Decimal(1), in_units=True, stamp=LATER),
        lambda p: p.change_leverage(2.0, LATER),
        reducing(Decimal(1), Decimal(2)),
        closing(),
    ],
)
def test_closed_is_terminal(command: Any) -> None:
    position(OPENED, CLOSED).when(command).then_refused("cycle 1 of default is closed", WrongState)


def test_the_newest_entry_is_remembered_per_source() -> None:
    other = changed(LATER, source="trade.closed", entry_id=EntryId(1500, 0))

    held = position(OPENED, LeverageChanged(10.0, 11.0, LATER), LeverageChanged(11.0, 12.0, other)).aggregate

    assert held.newest_entries == {"trade.intent": EntryId(2000, 5), "trade.closed": EntryId(1500, 0)}


def test_a_message_without_stream_id_leaves_the_newest_entry() -> None:
    imported = changed(LATER, entry_id=None)

    held = position(OPENED, LeverageChanged(10.0, 11.0, imported)).aggregate

    assert held.newest_entries == {"trade.intent": EntryId(1000, 0)}


def test_entry_ids_compare_as_numbers() -> None:
    assert EntryId(999, 20) < EntryId(1000, 3) < EntryId(1000, 10)


def test_a_copy_has_every_part_of_the_state() -> None:
    original = opened_after(None)
    twin = original.copy()

    assert all(getattr(twin, slot) == getattr(original, slot) for slot in Position.__slots__)


def test_a_copy_is_independent() -> None:
    original = opened_after(None)
    twin = original.copy()

    twin.change_leverage(20.0, LATER)
    reducing(Decimal(1), Decimal(2))(twin)

    assert (original.version, original.leverage, original.quantity) == (1, 10.0, Decimal(3))
    assert [record.event for record in original.collect()] == [OPENED]
    assert len(twin.pending) == 3
    assert original.newest_entries == {"trade.intent": EntryId(1000, 0)}


def test_collected_events_are_forgotten() -> None:
    opened = opened_after(None)

    assert len(opened.collect()) == 1
    assert opened.collect() == []
    assert opened.version == 1
