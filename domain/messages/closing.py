"""The rules that decide which position an exit belongs to, and how much of it the exit closes."""

from decimal import Decimal

from msgspec import Struct

from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.messages.message import IntentKind, TradeClosed, TradeIntent
from exitbrain.domain.positions.position import Position
from exitbrain.domain.positions.sighting import Sighting
from exitbrain.domain.values import DECIMAL, Side, Whose

FLIPPED = "FLIPPED"
CLOSE_INTENT = "CLOSE_INTENT"
REDUCE_INTENT = "REDUCE_INTENT"
BOOK_CLOSE = "BOOK_CLOSE"

REPORTED_LATER = (FLIPPED, CLOSE_INTENT, REDUCE_INTENT)
"""Reasons for an end by intent; its close is reported later, after execution."""

SAME_PRICE = Decimal("0.0005")
"""How far, as a fraction, an entry price may be from the average entry price of its position."""

LEAST_REST = Decimal("0.02")
"""The fraction of the position that a close with a quantity must leave to count as partial."""


def reason_of(intent: TradeIntent) -> str:
    """Return the reason of a close or a reduction that an intent asks for."""
    return REDUCE_INTENT if intent.kind is IntentKind.REDUCE else CLOSE_INTENT


class Answer(Struct, frozen=True):
    """The position of an exit, open or ended (None: neither), and the rule that found it."""

    position: Position | None
    rule: Whose


def whose_report(
    closed: TradeClosed, came: Sighting, now: Position | None, last: Position | None, window_s: float
) -> Answer:
    """Return which position a report closes: the open one, `now`, or the one that ended last, `last`.

    The first rule of `Whose`, in order, that can tell decides. `window_s` is how many seconds a report may
    come after an intent ended its position.
    """
    named = _by_side(closed.holds, now, last) or _by_price(closed.entry_price, now, last)
    if named is not None:
        return named
    if now is not None and came.came_before(now.opened):
        return Answer(last, Whose.STREAM_ORDER)
    if last is not None and awaits_report(last, came, window_s):
        names_open_side = now is not None and closed.says_side is now.side
        return Answer(now if names_open_side else last, Whose.AWAITED_REPORT)
    return _by_time(came, now, last)


def whose_exit(
    intent: TradeIntent, came: Sighting, now: Position | None, last: Position | None, window_s: float
) -> Answer:
    """Return which position an intent to reduce or close refers to; see `whose_report`."""
    named = _by_side(intent.holds, now, last)
    if named is not None:
        return named
    if (
        intent.kind is IntentKind.REDUCE
        and now is not None
        and last is not None
        and last.end_reason == FLIPPED
        and intent.side is now.side  # read as an order, it would reduce the other side
        and last.ended is not None
        and came.seconds_from(last.ended) <= window_s
    ):
        return Answer(last, Whose.AWAITED_REPORT)
    return _by_time(came, now, last)


def awaits_report(last: Position, came: Sighting, window_s: float) -> bool:
    """Return whether the report of an ended position is still expected."""
    return (
        last.end_reason in REPORTED_LATER
        and not last.reported
        and last.ended is not None
        and came.seconds_from(last.ended) <= window_s
    )


def _by_side(side: Side | None, now: Position | None, last: Position | None) -> Answer | None:
    if side is None:
        return None
    held = [one for one in (now, last) if one is not None and one.side is side]
    if len(held) == 2:
        return None
    return Answer(held[0] if held else None, Whose.NAMED)


def _by_price(price: Decimal | None, now: Position | None, last: Position | None) -> Answer | None:
    if price is None:
        return None
    near = [one for one in (now, last) if one is not None and _is_near(price, one.entry_price)]
    return Answer(near[0], Whose.NAMED) if len(near) == 1 else None


def _is_near(price: Decimal, average: Decimal | None) -> bool:
    if average is None:
        return False
    return DECIMAL.subtract(price, average).copy_abs() <= DECIMAL.multiply(average, SAME_PRICE)


def _by_time(came: Sighting, now: Position | None, last: Position | None) -> Answer:
    if last is not None and _lies_inside(came, last, now):
        return Answer(last, Whose.PAYLOAD_TIME)
    return Answer(now, Whose.OPEN_POSITION)


def _lies_inside(came: Sighting, last: Position, now: Position | None) -> bool:
    """Return whether a message was written while an ended position was open, by the clock of its opening.

    That clock must also have timed the end, or the opening of the next position.
    """
    if came.clock is None or came.clock != last.opened.clock or came.at < last.opened.at:
        return False
    ends = [
        one.at
        for one in (last.ended, None if now is None else now.opened)
        if one is not None and one.clock == came.clock
    ]
    return bool(ends) and came.at < min(ends)


class Part(Struct, frozen=True):
    """The part that an exit closes: `by` of the position, which leaves `rest`. None if unknown."""

    by: Decimal | None
    rest: Decimal | None


UNKNOWN_PART = Part(None, None)


def part_of_close(
    position: Position,
    quantity: Decimal | None,
    remaining: Decimal | None,
    *,
    partial: bool,
    instrument: Instrument | None,
    price: Decimal | None,
) -> Part | None:
    """Return the part of a position that a close ends, None for all of it.

    A close ends all unless it says that something remains, or its quantity in units leaves more than dust and
    all entries of the position gave a quantity in units too. `quantity` is None if it was not given in units.
    """
    if remaining is not None and remaining > 0:
        return _down_to(position, remaining)
    held = position.quantity
    if partial:
        return _by_quantity(position, quantity) or UNKNOWN_PART
    if quantity is None or held is None or not position.in_units or quantity >= held:
        return None
    rest = DECIMAL.subtract(held, quantity)
    return Part(quantity, rest) if _is_more_than_dust(rest, held, instrument, price) else None


def part_of_reduction(
    position: Position, quantity: Decimal | None, remaining: Decimal | None, *, partial: bool
) -> Part | None:
    """Return the part of a position that an intent to reduce ends, None for all of it."""
    if remaining is not None and remaining > 0:
        return _down_to(position, remaining)
    if quantity is None:
        return UNKNOWN_PART
    if position.quantity is None:
        return Part(quantity, None)
    return _by_quantity(position, quantity) or (UNKNOWN_PART if partial else None)


def _down_to(position: Position, remaining: Decimal) -> Part:
    """Return the part that leaves `remaining`; unknown if that is not less than what was held."""
    held = position.quantity
    if held is None:
        return Part(None, remaining)
    return Part(DECIMAL.subtract(held, remaining), remaining) if remaining < held else UNKNOWN_PART


def _by_quantity(position: Position, quantity: Decimal | None) -> Part | None:
    held = position.quantity
    if quantity is None or held is None or quantity >= held:
        return None
    return Part(quantity, DECIMAL.subtract(held, quantity))


def _is_more_than_dust(
    rest: Decimal, held: Decimal, instrument: Instrument | None, price: Decimal | None
) -> bool:
    if rest < DECIMAL.multiply(held, LEAST_REST):
        return False
    if instrument is None:
        return True
    step, notional = instrument.step_size, instrument.min_notional
    if step is not None and rest < step:
        return False
    return notional is None or price is None or DECIMAL.multiply(rest, price) >= notional
