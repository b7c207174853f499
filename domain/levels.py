"""From the raw numbers of an engine to a judged plan: units, tick-rounded triggers, slices, what bound.

Whatever engine computed the raw levels, the rules here judge them the same way.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from exitbrain.domain.formulas.algebra import Bound
from exitbrain.domain.instrument import Instrument
from exitbrain.domain.values import DECIMAL, Side, Unit

LEVELS = ("tp1", "tp2", "tp3", "sl")

_PERCENT = Unit.PERCENT  # looking a member up in its class costs as much as two divisions


@dataclass(slots=True)  # not frozen: that costs more than the formula
class LevelInputs:
    """Everything a level computation reads about the position and the signal.

    `leverage` 1..125; `volatility` a factor (1.0 = normal); `funding` the funding rate as a fraction;
    `divergence` 0..1; `confidence` 0..1; `average_pnl` a price return in percent; the bases are raw numbers in
    the policy's unit; fee and slippage are basis points per side and per market exit; price and quantity are
    None where unknown.
    """

    side: Side
    leverage: float
    leverage_assumed: bool
    volatility: float
    funding: float
    divergence: float
    confidence: float
    average_pnl: float
    base_tp: float
    base_sl: float
    fee_bps: float
    slippage_bps: float
    entry_price: Decimal | None
    quantity: Decimal | None


class Distances(NamedTuple):
    """The distances of the four levels from the entry, as fractions."""

    tp1: float
    tp2: float
    tp3: float
    sl: float


@dataclass(slots=True)  # not frozen: that costs more than the formula
class RawLevels:
    """What an engine computed, in the policy's unit; `refusal` names why there are no levels.

    `floor` and `cap` are the limits the stop had to keep; `bounds` says which constraint changed which number.
    """

    lsf: float
    pnl_factor: float
    lsf_adjusted: float
    tp1: float
    tp2: float
    tp3: float
    sl: float
    harvest: tuple[float, float, float]
    floor: float
    cap: float
    refusal: str | None
    bounds: tuple[Bound, ...]


@dataclass(slots=True)  # not frozen: that costs as much as a rounding
class Triggers:
    """The trigger prices of the four levels: on the tick grid where a tick is known, else double products."""

    tp1: Decimal
    tp2: Decimal
    tp3: Decimal
    sl: Decimal


@dataclass(frozen=True, slots=True)
class Slice:
    """How much to close at a target; `merged` says that a too small one before it was added to it."""

    level: str
    quantity: Decimal
    merged: bool = False


def fractions_of(unit: Unit, raw: RawLevels) -> Distances:
    """Return the raw levels as fractions of the entry price."""
    if unit is _PERCENT:
        return Distances(raw.tp1 / 100, raw.tp2 / 100, raw.tp3 / 100, raw.sl / 100)
    return Distances(raw.tp1, raw.tp2, raw.tp3, raw.sl)


def trigger_prices(
    entry: Decimal, side: Side, distances: Distances, tick: Decimal | None, floor: float
) -> Triggers:
    """Return the trigger prices of a plan.

    With a tick: `entry * (1 ± Decimal(repr(distance)))` rounded to the tick, targets toward the entry, the stop
    toward the entry unless that brings it nearer than `floor` (a fraction), then one tick away from it.
    Without: the double product `entry * (1 ± distance)`.
    """
    direction = side.direction
    if tick is None:
        price = float(entry)
        return Triggers(
            Decimal(repr(price * (1 + direction * distances.tp1))),
            Decimal(repr(price * (1 + direction * distances.tp2))),
            Decimal(repr(price * (1 + direction * distances.tp3))),
            Decimal(repr(price * (1 - direction * distances.sl))),
        )
    toward_from_target = ROUND_FLOOR if direction > 0 else ROUND_CEILING
    toward_from_stop = ROUND_CEILING if direction > 0 else ROUND_FLOOR
    stop = _on_grid(exact_price(entry, -direction, distances.sl), tick, toward_from_stop)
    nearest_allowed = exact_price(entry, -direction, floor)
    if DECIMAL.multiply(Decimal(direction), DECIMAL.subtract(stop, nearest_allowed)) > 0:
        stop = DECIMAL.subtract(stop, DECIMAL.multiply(Decimal(direction), tick))
    return Triggers(
        _on_grid(exact_price(entry, direction, distances.tp1), tick, toward_from_target),
        _on_grid(exact_price(entry, direction, distances.tp2), tick, toward_from_target),
        _on_grid(exact_price(entry, direction, distances.tp3), tick, toward_from_target),
        stop,
    )


def exact_price(entry: Decimal, sign: int, distance: float) -> Decimal:
    """Return `entry * (1 + sign * Decimal(repr(distance)))` in the one Decimal context."""
    step = DECIMAL.multiply(Decimal(sign), Decimal(repr(distance)))
    return DECIMAL.multiply(entry, DECIMAL.add(Decimal(1), step))


def rounded_distances(entry: Decimal, side: Side, triggers: Triggers) -> Distances:
    """Return the distances that the trigger prices really have; negative on the wrong side of the entry."""

    def distance(price: Decimal, direction: int) -> float:
        gap = DECIMAL.multiply(Decimal(direction), DECIMAL.subtract(price, entry))
        return float(DECIMAL.divide(gap, entry))

    up = side.direction
    return Distances(
        distance(triggers.tp1, up),
        distance(triggers.tp2, up),
        distance(triggers.tp3, up),
        distance(triggers.sl, -up),
    )


def tick_bounds(entry: Decimal, side: Side, distances: Distances, triggers: Triggers) -> tuple[Bound, ...]:
    """Return what rounding to the tick changed; before and after are prices."""
    bounds = []
    for level, sign in zip(LEVELS, (1, 1, 1, -1), strict=True):
        exact = exact_price(entry, sign * side.direction, getattr(distances, level))
        rounded = getattr(triggers, level)
        if exact != rounded:
            bounds.append(Bound(level, "tick", float(exact), float(rounded)))
    return tuple(bounds)


def slices_of(
    quantity: Decimal, harvest: tuple[float, ...], instrument: Instrument, price: Decimal
) -> tuple[Slice, ...]:
    """Return how much to close at each target; together they are the position.

    Each slice is rounded down to the step and the remainder goes to the last; one below the step or the minimum
    notional (at the entry price) merges into the next, and a last one that is too small into the one before it.
    Empty when the step is not known.
    """
    step = instrument.step_size
    if step is None:
        return ()
    wanted = [
        _on_grid(DECIMAL.multiply(quantity, Decimal(repr(share))), step, ROUND_FLOOR)
        for share in harvest[:-1]
    ]
    taken = Decimal(0)
    for part in wanted:
        taken = DECIMAL.add(taken, part)
    parts = [*wanted, DECIMAL.subtract(quantity, taken)]
    slices: list[Slice] = []
    carried, merged = Decimal(0), False
    for level, part in zip(LEVELS, parts, strict=False):
        total = DECIMAL.add(carried, part)
        if is_placeable(total, instrument, price):
            slices.append(Slice(level, total, merged))
            carried, merged = Decimal(0), False
        else:
            carried, merged = total, True
    if carried > 0 and slices:
        last = slices.pop()
        slices.append(Slice(last.level, DECIMAL.add(last.quantity, carried), merged=True))
    return tuple(slices)


def is_placeable(quantity: Decimal, instrument: Instrument, price: Decimal) -> bool:
    """Return whether a quantity is at least one step and worth the minimum notional."""
    if instrument.step_size is not None and quantity < instrument.step_size:
        return False
    return instrument.min_notional is None or DECIMAL.multiply(quantity, price) >= instrument.min_notional


def _on_grid(value: Decimal, grid: Decimal, rounding: str) -> Decimal:
    count = DECIMAL.divide(value, grid).to_integral_value(rounding=rounding)
    return DECIMAL.multiply(count, grid)
