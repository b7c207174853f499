"""Whose close it is, and how much it ends: the rules, one by one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from exitbrain.domain.events import Stamp
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.messages.claim import is_counter
from exitbrain.domain.messages.closing import (
    CLOSE_INTENT,
    FLIPPED,
    UNKNOWN_PART,
    Part,
    part_of_close,
    part_of_reduction,
    whose_exit,
    whose_report,
)
from exitbrain.domain.messages.message import IntentKind, MessageTime, TradeClosed, TradeIntent
from exitbrain.domain.positions.position import Position
from exitbrain.domain.positions.sighting import Sighting
from exitbrain.domain.values import EntryId, Side, TimeOrigin, Whose, changed

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SERVER = "one-server"
CLOCK = "bot|payload|iso"
WINDOW_S = 120.0


def seen(
    seconds: float, *, server: str | None = SERVER, clock: str | None = None, says: float = 0.0
) -> Sighting:
    """Return a message that came `seconds` after noon, by a clock that is `says` seconds ahead."""
    ms = int(seconds * 1000)
    return Sighting(NOON + timedelta(seconds=seconds + says), EntryId(ms, 0), server, clock)


def stamp(came: Sighting) -> Stamp:
    return Stamp(UUID(int=1), "trade.intent", came.entry_id, came.at, TimeOrigin.PAYLOAD, NOON)


def position(side: Side, came: Sighting, price: str | None = "100", quantity: str | None = "1") -> Position:
    return Position.open(
        account="default",
        symbol="BTCUSDT",
        previous=None,
        side=side,
        leverage=10.0,
        entry_price=None if price is None else Decimal(price),
        quantity=None if quantity is None else Decimal(quantity),
        in_units=True,
        server=came.server,
        clock=came.clock,
        stamp=stamp(came),
    )


def ended(held: Position, came: Sighting, reason: str = FLIPPED) -> Position:
    held.close(
        reason=reason,
        exit_price=None,
        reported_pnl_percent=None,
        pnl_usd=None,
        order_id="",
        rule=None,
        reported=reason not in (FLIPPED, CLOSE_INTENT),
        server=came.server,
        clock=came.clock,
        assumptions=(),
        stamp=stamp(came),
    )
    return held


NO_TIME = MessageTime(None, None)
PLAIN = TradeClosed(None, "BTCUSDT", None, None, None, None, "", "", NO_TIME, {})
ORDER = TradeIntent(
    IntentKind.REDUCE,
    None,
    "BTCUSDT",
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    None,
    "",
    None,
    None,
    NO_TIME,
    {},
)


def flip() -> tuple[Position, Position]:
    """Return an open SHORT at 110 and the LONG at 100 that it ended, ten minutes after noon."""
    last = ended(position(Side.LONG, seen(0, clock=CLOCK)), seen(600, clock=CLOCK))
    return position(Side.SHORT, seen(600, clock=CLOCK), "110"), last


def whose(
    closed: TradeClosed, came: Sighting, now: Position | None, last: Position | None
) -> tuple[Any, Whose]:
    answer = whose_report(closed, came, now, last, WINDOW_S)
    name = (
        {id(now): "now", id(last): "last"}.get(id(answer.position)) if answer.position is not None else None
    )
    return name, answer.rule


@pytest.mark.parametrize(
    ("said", "owner"),
    [
        ({"holds": Side.SHORT}, "now"),
        ({"holds": Side.LONG}, "last"),
        ({"entry_price": Decimal("110.05")}, "now"),
        ({"entry_price": Decimal("99.96")}, "last"),
        ({"holds": Side.SHORT, "entry_price": Decimal(100)}, "now"),
    ],
)
def test_a_side_or_an_entry_price_that_fits_one_of_them_decides(said: dict[str, Any], owner: str) -> None:
    assert whose(changed(PLAIN, **said), seen(610), *flip()) == (owner, Whose.NAMED)


def test_an_entry_price_that_fits_neither_or_both_decides_nothing() -> None:
    now, last = flip()
    far = changed(PLAIN, entry_price=Decimal("99.94"))
    assert whose(far, seen(900), now, last)[1] is Whose.OPEN_POSITION
    same = position(Side.SHORT, seen(600), "100.01")
    assert whose(changed(PLAIN, entry_price=Decimal(100)), seen(900), same, last)[1] is Whose.OPEN_POSITION


def test_a_side_that_nobody_held_means_neither() -> None:
    now, last = position(Side.LONG, seen(600)), ended(position(Side.LONG, seen(0)), seen(500), "tp")
    assert whose(changed(PLAIN, holds=Side.SHORT), seen(610), now, last) == (None, Whose.NAMED)


def test_a_stream_id_before_the_opening_means_the_one_before() -> None:
    now, last = flip()
    assert whose(PLAIN, seen(599), now, last) == ("last", Whose.STREAM_ORDER)
    assert whose(PLAIN, seen(599), now, None) == (None, Whose.STREAM_ORDER)


@pytest.mark.parametrize("server", [None, "another-server"])
def test_ids_of_different_servers_are_in_no_order(server: str | None) -> None:
    now, last = position(Side.SHORT, seen(600)), ended(position(Side.LONG, seen(0)), seen(500), "tp")
    assert whose(PLAIN, seen(1, server=server), now, last) == ("now", Whose.OPEN_POSITION)


@pytest.mark.parametrize("reason", [FLIPPED, CLOSE_INTENT])
@pytest.mark.parametrize("says_side", [None, Side.LONG])
def test_a_report_that_is_awaited_is_that_of_the_one_before(reason: str, says_side: Side | None) -> None:
    now, last = position(Side.SHORT, seen(600)), ended(position(Side.LONG, seen(0)), seen(600), reason)
    said = changed(PLAIN, side=Side.SHORT, says_side=says_side)
    assert whose(said, seen(720), now, last) == ("last", Whose.AWAITED_REPORT)
    assert whose(said, seen(721), now, last) == ("now", Whose.OPEN_POSITION)
    assert whose(said, seen(610), None, last) == ("last", Whose.AWAITED_REPORT)


def test_a_report_that_says_the_side_of_the_open_one_is_its_own() -> None:
    now, last = flip()
    assert whose(changed(PLAIN, says_side=Side.SHORT), seen(610), now, last) == ("now", Whose.AWAITED_REPORT)


def test_a_position_that_was_reported_awaits_nothing() -> None:
    now, last = position(Side.SHORT, seen(600)), ended(position(Side.LONG, seen(0)), seen(500), "tp")
    assert whose(PLAIN, seen(610), now, last) == ("now", Whose.OPEN_POSITION)
    now, last = flip()
    last.report(
        exit_price=None,
        pnl_percent=None,
        pnl_usd=None,
        order_id="",
        rule=Whose.AWAITED_REPORT,
        assumptions=(),
        stamp=stamp(seen(601)),
    )
    assert whose(PLAIN, seen(610), now, last) == ("now", Whose.OPEN_POSITION)


def test_a_time_inside_the_one_before_by_the_same_clock_means_it() -> None:
    now, last = flip()
    assert whose(PLAIN, seen(900, clock=CLOCK, says=-600), now, last) == ("last", Whose.PAYLOAD_TIME)
    assert whose(PLAIN, seen(900, clock=CLOCK, says=-300), now, last) == ("now", Whose.OPEN_POSITION)
    assert whose(PLAIN, seen(900, clock=CLOCK, says=-901), now, last) == ("now", Whose.OPEN_POSITION)


@pytest.mark.parametrize("clock", [None, "executor|payload|iso", "bot|payload|iso-local"])
def test_another_clock_never_takes_a_close_from_the_open_one(clock: str | None) -> None:
    now, last = flip()
    assert whose(PLAIN, seen(900, clock=clock, says=-600), now, last) == ("now", Whose.OPEN_POSITION)


def test_an_end_by_another_clock_is_bounded_by_the_opening_that_followed() -> None:
    last = ended(position(Side.LONG, seen(0, clock=CLOCK)), seen(500, clock="executor|payload|iso"), "tp")
    now = position(Side.LONG, seen(600, clock=CLOCK))
    assert whose(PLAIN, seen(900, clock=CLOCK, says=-350), now, last) == ("last", Whose.PAYLOAD_TIME)
    assert whose(PLAIN, seen(900, clock=CLOCK, says=-350), None, last) == (None, Whose.OPEN_POSITION)


def test_an_order_to_reduce_soon_after_a_flip_that_fits_the_flipped_side_means_that() -> None:
    now, last = flip()
    sell = changed(ORDER, side=Side.SHORT)
    assert whose_exit(sell, seen(720), now, last, WINDOW_S).position is last
    assert whose_exit(sell, seen(721), now, last, WINDOW_S).position is now
    assert whose_exit(changed(ORDER, side=Side.LONG), seen(610), now, last, WINDOW_S).position is now
    assert whose_exit(changed(sell, kind=IntentKind.CLOSE), seen(610), now, last, WINDOW_S).position is now
    assert whose_exit(changed(sell, holds=Side.SHORT), seen(610), now, last, WINDOW_S).position is now
    assert whose_exit(changed(sell, holds=Side.LONG), seen(900), now, last, WINDOW_S).position is last


UNITS: dict[str, Any] = {"partial": False, "instrument": None, "price": None}


def held(quantity: str | None = "1") -> Position:
    return position(Side.LONG, seen(0), quantity=quantity)


def part(by: str | None, rest: str | None) -> Part:
    return Part(None if by is None else Decimal(by), None if rest is None else Decimal(rest))


def test_a_close_without_a_word_of_a_rest_ends_the_whole() -> None:
    assert part_of_close(held(), None, None, **UNITS) is None
    assert part_of_close(held(None), Decimal("0.5"), None, **UNITS) is None
    assert part_of_close(held(), None, Decimal(0), **UNITS) is None


def test_a_close_with_a_quantity_in_units_leaves_the_rest_unless_it_is_dust() -> None:
    assert part_of_close(held(), Decimal("0.98"), None, **UNITS) == part("0.98", "0.02")
    assert part_of_close(held(), Decimal("0.981"), None, **UNITS) is None
    assert part_of_close(held(), Decimal(1), None, **UNITS) is None
    assert part_of_close(held(), Decimal(2), None, **UNITS) is None


@pytest.mark.parametrize(
    ("rules", "price", "ends_all"),
    [
        ({"step_size": Decimal("0.5")}, None, False),
        ({"step_size": Decimal("0.6")}, None, True),
        ({"min_notional": Decimal(50)}, Decimal(100), False),
        ({"min_notional": Decimal(50)}, Decimal(99), True),
        ({"min_notional": Decimal(50)}, None, False),
    ],
)
def test_a_rest_below_step_or_minimum_notional_is_dust(
    rules: dict[str, Any], price: Decimal | None, ends_all: bool
) -> None:
    known = Instrument("BTCUSDT", **rules)
    found = part_of_close(held(), Decimal("0.5"), None, partial=False, instrument=known, price=price)
    assert (found is None) is ends_all


def test_quantities_computed_from_money_never_leave_a_rest() -> None:
    grown = held()
    grown.increase(Decimal(100), Decimal(1), in_units=False, stamp=stamp(seen(1)))
    assert part_of_close(grown, Decimal(1), None, **UNITS) is None


def test_a_close_that_says_something_remains_only_reduces() -> None:
    partly: dict[str, Any] = {**UNITS, "partial": True}
    assert part_of_close(held(), None, Decimal("0.25"), **UNITS) == part("0.75", "0.25")
    assert part_of_close(held(), Decimal("0.1"), Decimal("0.25"), **UNITS) == part("0.75", "0.25")
    assert part_of_close(held(None), None, Decimal("0.25"), **UNITS) == part(None, "0.25")
    assert part_of_close(held(), None, Decimal(3), **UNITS) == UNKNOWN_PART
    assert part_of_close(held(), Decimal("0.999"), None, **partly) == part("0.999", "0.001")
    assert part_of_close(held(), None, None, **partly) == UNKNOWN_PART
    assert part_of_close(held(), Decimal(2), None, **partly) == UNKNOWN_PART


def test_an_order_to_reduce_takes_its_quantity_and_ends_what_is_all() -> None:
    assert part_of_reduction(held(), Decimal("0.999"), None, partial=False) == part("0.999", "0.001")
    assert part_of_reduction(held(), Decimal(1), None, partial=False) is None
    assert part_of_reduction(held(), Decimal(1), None, partial=True) == UNKNOWN_PART
    assert part_of_reduction(held(), None, None, partial=False) == UNKNOWN_PART
    assert part_of_reduction(held(None), Decimal(1), None, partial=False) == part("1", None)
    assert part_of_reduction(held(), None, Decimal("0.4"), partial=False) == part("0.6", "0.4")


@pytest.mark.parametrize(
    ("order_id", "expected"),
    [
        ("7", True),
        ("999999", True),
        ("0000042", True),
        ("1000000", False),
        ("8389765512345678901", False),
        ("abc", False),
        ("a1", False),
        ("12.5", True),
        ("7.0", True),
        ("-7", True),
        (" 7 ", True),
        ("1e3", False),
        (".", False),
        ("", False),
        ("٣", False),
        ("x" * 5000, False),
    ],
)
def test_a_number_below_a_million_is_a_counter(order_id: str, expected: bool) -> None:
    assert is_counter(order_id) is expected
