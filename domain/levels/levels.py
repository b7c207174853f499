"""From the raw levels of an engine to a plan: units, trigger prices rounded to the tick, slices, bounds.

The same rules apply to the raw levels of every engine.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Generic, TypeVar

from msgspec import Struct

from exitbrain.domain.algebra import Bound
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.values import DECIMAL, Side, Unit

TARGETS = ("tp1", "tp2", "tp3")
LEVELS = (*TARGETS, "sl")
LEVELS_AND_LSF = (*LEVELS, "lsf")

NO_STOP_FITS = "NO_STOP_FITS"
LEVERAGE_NOT_IN_BRACKET = "LEVERAGE_NOT_IN_BRACKET"
REFUSALS = {1: NO_STOP_FITS, 2: LEVERAGE_NOT_IN_BRACKET}
"""Why there are no levels, by the code of the formula."""

_ONE = Decimal(1)


class LevelInputs(Struct, frozen=True):
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


class WindowReading(Struct, frozen=True):
    """The PnL window as a decision read it: how many results, and up to which log position.

    `uncommitted` counts the results from the same transaction, just before the decision, that were read in
    addition to those up to `log_position`.
    """

    log_position: int
    uncommitted: int
    trades: int


class Distances(Struct, frozen=True):
    """The distances of the four levels from the entry, as fractions."""

    tp1: float
    tp2: float
    tp3: float
    sl: float


class RawLevels(Struct, frozen=True):
    """The levels an engine computed, in the policy's unit; `refusal` says why there are none.

    `floor` and `cap` are the limits of the stop; `bounds` says which constraint changed which number.
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


Price = Decimal | float
P_co = TypeVar("P_co", bound=Price, covariant=True)


class Triggers(Struct, Generic[P_co], frozen=True):
    """The trigger prices of the four levels: Decimals on the tick grid if the tick is known, else doubles."""

    tp1: P_co
    tp2: P_co
    tp3: P_co
    sl: P_co


class Slice(Struct, frozen=True):
    """The quantity to close at a target; `merged` says that it includes a neighbour that was too small."""

    level: str
    quantity: Decimal
    merged: bool = False


def fractions_of(unit: Unit, raw: RawLevels) -> Distances:
    """Return the raw levels as fractions of the entry price."""
    if unit is Unit.PERCENT:
        return Distances(raw.tp1 / 100, raw.tp2 / 100, raw.tp3 / 100, raw.sl / 100)
    return Distances(raw.tp1, raw.tp2, raw.tp3, raw.sl)


def double_prices(entry: Decimal, side: Side, distances: Distances) -> Triggers[float]:
    """Return the trigger prices without a known tick: the double products `entry * (1 ± distance)`."""
    price, up = float(entry), side.direction
    return Triggers(
        price * (1 + up * distances.tp1),
        price * (1 + up * distances.tp2),
        price * (1 + up * distances.tp3),
        price * (1 - up * distances.sl),
    )


def exact_prices(entry: Decimal, side: Side, distances: Distances) -> Triggers[Decimal]:
    """Return the prices before rounding: `entry * (1 ± Decimal(repr(distance)))` in the DECIMAL context."""
    up = side.direction
    return Triggers(
        _exact_price(entry, up, Decimal(repr(distances.tp1))),
        _exact_price(entry, up, Decimal(repr(distances.tp2))),
        _exact_price(entry, up, Decimal(repr(distances.tp3))),
        _exact_price(entry, -up, Decimal(repr(distances.sl))),
    )


def on_ticks(
    exact: Triggers[Decimal], entry: Decimal, side: Side, tick: Decimal, floor: float
) -> Triggers[Decimal]:
    """Return the exact prices rounded to the tick.

    Targets are rounded toward the entry, and so is the stop, unless that brings it nearer than `floor` (a
    fraction): then it moves one tick away.
    """
    long = side.direction > 0
    target_rounding, stop_rounding = (ROUND_FLOOR, ROUND_CEILING) if long else (ROUND_CEILING, ROUND_FLOOR)
    stop = _on_grid(exact.sl, tick, stop_rounding)
    nearest_allowed = _exact_price(entry, -side.direction, _decimal(floor))
    if long and stop > nearest_allowed:
        stop = DECIMAL.subtract(stop, tick)
    elif not long and stop < nearest_allowed:
        stop = DECIMAL.add(stop, tick)
    return Triggers(
        _on_grid(exact.tp1, tick, target_rounding),
        _on_grid(exact.tp2, tick, target_rounding),
        _on_grid(exact.tp3, tick, target_rounding),
        stop,
    )


def rounded_distances(entry: Decimal, side: Side, triggers: Triggers[Decimal]) -> Distances:
    """Return the actual distances of the trigger prices; negative on the wrong side of the entry."""

    def distance(low: Decimal, high: Decimal) -> float:
        return float(DECIMAL.divide(DECIMAL.subtract(high, low), entry))

    t = triggers
    if side.direction > 0:
        return Distances(
            distance(entry, t.tp1), distance(entry, t.tp2), distance(entry, t.tp3), distance(t.sl, entry)
        )
    return Distances(
        distance(t.tp1, entry), distance(t.tp2, entry), distance(t.tp3, entry), distance(entry, t.sl)
    )


def tick_bounds(exact: Triggers[Decimal], triggers: Triggers[Decimal]) -> tuple[Bound, ...]:
    """Return what rounding to the tick changed; before and after are prices."""
    pairs = (
        ("tp1", exact.tp1, triggers.tp1),
        ("tp2", exact.tp2, triggers.tp2),
        ("tp3", exact.tp3, triggers.tp3),
        ("sl", exact.sl, triggers.sl),
    )
    return tuple(
        [
            Bound(level, "tick", float(before), float(after))
            for level, before, after in pairs
            if before != after
        ]
    )


def slices_of(
    quantity: Decimal, harvest: tuple[float, ...], instrument: Instrument, price: Decimal
) -> tuple[Slice, ...]:
    """Return how much to close at each target with a share; together they close the position.

    Each slice is rounded down to the step, and the last takes the remainder. A slice below the step or the
    minimum notional (at the entry price) merges into the next, the last into the one before it. Empty if the
    step is unknown.
    """
    step = instrument.step_size
    if step is None:
        return ()
    shares = {level: share for level, share in zip(LEVELS, harvest, strict=False) if share > 0.0}
    wanted = [
        _on_grid(DECIMAL.multiply(quantity, _decimal(share)), step, ROUND_FLOOR)
        for share in list(shares.values())[:-1]
    ]
    taken = Decimal(0)
    for part in wanted:
        taken = DECIMAL.add(taken, part)
    parts = [*wanted, DECIMAL.subtract(quantity, taken)]
    slices: list[Slice] = []
    carried = Decimal(0)
    for level, part in zip(shares, parts, strict=True):
        total = DECIMAL.add(carried, part)
        if is_placeable(total, instrument, price):
            slices.append(Slice(level, total, merged=carried > 0))
            carried = Decimal(0)
        else:
            carried = total
    if carried > 0 and slices:
        last = slices.pop()
        slices.append(Slice(last.level, DECIMAL.add(last.quantity, carried), merged=True))
    return tuple(slices)


def is_placeable(quantity: Decimal, instrument: Instrument, price: Decimal) -> bool:
    """Return whether a quantity is at least one step and worth the minimum notional."""
    if instrument.step_size is not None and quantity < instrument.step_size:
        return False
    return instrument.min_notional is None or DECIMAL.multiply(quantity, price) >= instrument.min_notional


def _exact_price(entry: Decimal, sign: int, step: Decimal) -> Decimal:
    return DECIMAL.multiply(entry, DECIMAL.add(_ONE, step) if sign > 0 else DECIMAL.subtract(_ONE, step))


def _on_grid(value: Decimal, grid: Decimal, rounding: str) -> Decimal:
    count = DECIMAL.divide(value, grid).to_integral_value(rounding=rounding)
    return DECIMAL.multiply(count, grid)


@lru_cache(maxsize=1024)
def _decimal(number: float) -> Decimal:
    """Return the shortest decimal that reads as this double; cached, for shares and floors only."""
    return Decimal(repr(number))
