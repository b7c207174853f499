"""The guards: named rules that a plan must satisfy before it may be executed, and their findings.

A guard passes, fails with its figures, or is not checkable and says why. Guards never stop recording: a plan
that fails is kept and published with the verdict. Figures are numbers, so that wording can change without
affecting replay.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

from exitbrain.domain.levels.guard_rules import (
    GUARDS,
    NO_BRACKETS,
    NO_PRICE,
    NO_QUANTITY,
    NO_STEP,
    NO_TICK,
    NO_TIME,
    ON_THE_LEVELS,
    RANGES,
    REFUSED,
    RULES,
    STOP_COSTS,
)
from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.domain.levels.levels import (
    TARGETS,
    Distances,
    LevelInputs,
    Price,
    Slice,
    Triggers,
    is_placeable,
)
from exitbrain.domain.levels.liquidation import liquidation_in_floats
from exitbrain.domain.values import DECIMAL, round_trip_cost

# The table as single names: every decision is checked, and a loop over RANGES takes five times as long.
_VOLATILITY_MIN, _DIVERGENCE_MIN, _FUNDING_MIN, _CONFIDENCE_MIN, _AVERAGE_MIN = (
    r.low for r in RANGES.values()
)
_VOLATILITY_MAX, _DIVERGENCE_MAX, _FUNDING_MAX, _CONFIDENCE_MAX, _AVERAGE_MAX = (
    r.high for r in RANGES.values()
)

Figures = dict[str, float]


class GuardReport(Struct, frozen=True):
    """The findings of all guards on one plan, each in the order of `GUARDS`.

    `failed` holds the figures of each failed guard, `unknown` the reason why a guard was not checkable.
    """

    passed: tuple[str, ...]
    failed: dict[str, Figures]
    unknown: dict[str, str]

    @property
    def states(self) -> tuple[int, ...] | None:
        """Return the states of all guards in order; None if a record does not name each once, in order."""
        return _states_of(self.passed, tuple(self.failed), tuple(self.unknown))

    @property
    def placeable(self) -> bool:
        """Return whether the slices can be placed, as far as is known."""
        return "slices_placeable" not in self.failed

    @property
    def failed_on_levels(self) -> tuple[str, ...]:
        """Return the failed guards on the levels."""
        return tuple(name for name in ON_THE_LEVELS if name in self.failed)

    @property
    def executable(self) -> bool:
        """Return whether every guard passed."""
        return not self.failed and not self.unknown


class Freshness(Struct, frozen=True):
    """The age of a message when it was recorded (None: unknown), and the maximum age, in seconds."""

    age_s: float | None
    max_age_s: float


def judge(
    inputs: LevelInputs,
    freshness: Freshness,
    distances: Distances,
    harvest: tuple[float, float, float],
    instrument: Instrument | None,
    triggers: Triggers[Price] | None,
    slices: tuple[Slice, ...],
) -> GuardReport:
    """Return the findings of all guards on a plan; the distances must be rounded to the tick."""
    failed: dict[str, Figures] = {}
    unknown: dict[str, str] = {}
    _judge_signal(inputs, freshness, failed, unknown)
    _judge_distances(inputs, distances, harvest, instrument, failed, unknown)
    _judge_placing(inputs, harvest, instrument, triggers, slices, failed, unknown)
    return GuardReport(_others((*failed, *unknown)), failed, unknown)


def judge_refused(inputs: LevelInputs, freshness: Freshness) -> GuardReport:
    """Return the findings of all guards without levels: guards on the levels are not checkable."""
    failed: dict[str, Figures] = {}
    unknown: dict[str, str] = {}
    _judge_signal(inputs, freshness, failed, unknown)
    unknown.update(dict.fromkeys(ON_THE_LEVELS, REFUSED))
    return GuardReport(_others((*failed, *unknown)), failed, unknown)


@lru_cache(maxsize=4096)
def _others(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in GUARDS if name not in names)


@lru_cache(maxsize=4096)
def _states_of(*named: tuple[str, ...]) -> tuple[int, ...] | None:
    state_of = {name: state for state, names in enumerate(named) for name in names}
    if len([name for names in named for name in names]) != len(GUARDS) or state_of.keys() != RULES.keys():
        return None
    in_order = (tuple(name for name in GUARDS if state_of[name] == state) for state in range(len(named)))
    return tuple(state_of[name] for name in GUARDS) if tuple(in_order) == named else None


# Each condition says when a guard fails, written so that a NaN from a foreign engine fails too.


def _judge_signal(
    x: LevelInputs, freshness: Freshness, failed: dict[str, Figures], unknown: dict[str, str]
) -> None:
    if x.leverage_assumed:
        failed["leverage_is_known"] = {"assumed": x.leverage}
    if not (
        _VOLATILITY_MIN <= x.volatility <= _VOLATILITY_MAX
        and _DIVERGENCE_MIN <= x.divergence <= _DIVERGENCE_MAX
        and _FUNDING_MIN <= x.funding <= _FUNDING_MAX
        and _CONFIDENCE_MIN <= x.confidence <= _CONFIDENCE_MAX
        and _AVERAGE_MIN <= x.average_pnl <= _AVERAGE_MAX
    ):
        failed["inputs_in_range"] = _outside_their_range(x)
    age_s, max_age_s = freshness.age_s, freshness.max_age_s
    if age_s is None:
        unknown["intent_is_fresh"] = NO_TIME
    elif not -max_age_s <= age_s <= max_age_s:
        failed["intent_is_fresh"] = {"age_s": age_s, "max_age_s": max_age_s}
    if x.entry_price is None or x.quantity is None:
        failed["price_is_known"] = {
            "entry_price_known": 0.0 if x.entry_price is None else 1.0,
            "quantity_known": 0.0 if x.quantity is None else 1.0,
        }


def _outside_their_range(x: LevelInputs) -> Figures:
    return {
        name: value
        for name, allowed in RANGES.items()
        if not allowed.low <= (value := getattr(x, name)) <= allowed.high
    }


def _judge_distances(
    x: LevelInputs,
    distances: Distances,
    harvest: tuple[float, float, float],
    instrument: Instrument | None,
    failed: dict[str, Figures],
    unknown: dict[str, str],
) -> None:
    targets, sl = (distances.tp1, distances.tp2, distances.tp3), distances.sl
    cost = round_trip_cost(x.fee_bps, x.slippage_bps)
    if not sl >= STOP_COSTS * cost:
        failed["stop_wider_than_costs"] = {"stop": sl, "cost": cost, "needed": STOP_COSTS * cost}
    if instrument is None or not instrument.brackets:
        unknown["stop_inside_liquidation"] = NO_BRACKETS
    elif figures := _liquidated_before(sl + cost, x, harvest, instrument.brackets):
        failed["stop_inside_liquidation"] = figures
    nearest = 0 if harvest[0] > 0.0 else 1 if harvest[1] > 0.0 else 2
    if not targets[nearest] > cost:
        failed["targets_beyond_costs"] = {TARGETS[nearest]: targets[nearest], "cost": cost}
    if not targets[0] < targets[1] < targets[2] and not _increasing(placed := _placed(targets, harvest)):
        failed["targets_increasing"] = placed


def _placed(of_levels: Sequence[float], harvest: tuple[float, float, float]) -> Figures:
    """Return the numbers of the placed targets. A target without a share is not placed and not checked."""
    numbers = zip(TARGETS, of_levels, harvest, strict=False)
    return {target: number for target, number, share in numbers if share > 0.0}


def _increasing(targets: Figures) -> bool:
    return all(nearer < farther for nearer, farther in pairwise(targets.values()))


def _liquidated_before(
    worst: float, x: LevelInputs, harvest: tuple[float, float, float], brackets: Sequence[Bracket]
) -> Figures | None:
    """Return figures if liquidation comes before the stop with costs after 0, 1 or 2 targets, else None."""
    direction = float(x.side.direction)
    entry = 1.0 if x.entry_price is None else float(x.entry_price)
    size = None if x.entry_price is None or x.quantity is None else float(x.quantity)
    for filled, still_open in enumerate(_open_after(harvest)):
        if still_open <= 0.0:
            break  # nothing is left to liquidate
        quantity = None if size is None else size * still_open
        where = liquidation_in_floats(direction, entry, quantity, x.leverage, brackets)
        if where.allowed <= 0.0 or not worst < where.distance:
            return {
                "stop_with_costs": worst,
                "liquidation": where.distance,
                "targets_filled": float(filled),
                "leverage_allowed": where.allowed,
            }
        if size is None:
            break  # the size stays unknown, so further targets change nothing
    return None


def _open_after(harvest: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return the open fraction after 0, 1 and 2 targets, as explicit sums, not by running subtraction."""
    return (1.0, harvest[1] + harvest[2], harvest[2])


def _judge_placing(
    x: LevelInputs,
    harvest: tuple[float, float, float],
    instrument: Instrument | None,
    triggers: Triggers[Price] | None,
    slices: tuple[Slice, ...],
    failed: dict[str, Figures],
    unknown: dict[str, str],
) -> None:
    if instrument is None or instrument.tick_size is None:
        unknown["levels_on_distinct_ticks"] = NO_TICK
    elif triggers is None or x.entry_price is None:
        unknown["levels_on_distinct_ticks"] = NO_PRICE
    elif figures := _coinciding(x.entry_price, triggers, harvest):
        failed["levels_on_distinct_ticks"] = figures
    if instrument is None or instrument.step_size is None:
        unknown["slices_placeable"] = NO_STEP
    elif x.quantity is None or x.entry_price is None:
        unknown["slices_placeable"] = NO_QUANTITY if x.quantity is None else NO_PRICE
    elif figures := not_placeable(x.quantity, x.entry_price, instrument, slices):
        failed["slices_placeable"] = figures


def _coinciding(entry: Decimal, t: Triggers[Price], harvest: tuple[float, float, float]) -> Figures | None:
    if 0 < t.sl < entry < t.tp1 < t.tp2 < t.tp3 or t.sl > entry > t.tp1 > t.tp2 > t.tp3 > 0:
        return None  # the usual order; building a set takes ten times as long
    targets = zip(TARGETS, (t.tp1, t.tp2, t.tp3), harvest, strict=True)
    placed = {target: price for target, price, share in targets if share > 0.0}
    prices = {"entry": entry, **placed, "sl": t.sl}
    if len({*prices.values()}) == len(prices) and all(price > 0 for price in prices.values()):
        return None
    return {level: float(price) for level, price in prices.items()}


def not_placeable(
    quantity: Decimal, price: Decimal, instrument: Instrument, slices: tuple[Slice, ...]
) -> Figures | None:
    """Return the figures if the slices cannot be placed, else None.

    A quantity off the step grid (from an intent sized in money) is reported and does not fail.
    """
    total = Decimal(0)
    for part in slices:
        total = DECIMAL.add(total, part.quantity)
    if total == quantity and all(is_placeable(part.quantity, instrument, price) for part in slices):
        return None
    return {"quantity": float(quantity), "placeable": float(total), "slices": float(len(slices))}
