"""One level computation: its context, its levels after rounding and guards, and its id.

Decisions are what a replay compares: it judges the levels again from the recorded inputs.
"""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.algebra import Bound
from exitbrain.domain.levels.guards import Freshness, GuardReport, judge, judge_refused
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import (
    LevelInputs,
    Price,
    RawLevels,
    Slice,
    Triggers,
    WindowReading,
    double_prices,
    exact_prices,
    fractions_of,
    on_ticks,
    rounded_distances,
    slices_of,
    tick_bounds,
)
from exitbrain.domain.values import Origin, TimeOrigin, Unit


class DecisionContext(Struct, frozen=True):
    """The context of a decision: its times, versions and settings, and the fields that are passed through.

    Both times are UTC; `snapshot` is the content hash of the instrument snapshot; `max_intent_age_s` is in
    seconds.
    """

    occurred_at: datetime
    time_origin: TimeOrigin
    recorded_at: datetime
    origin: Origin
    position_version: int
    register_version: int
    window: WindowReading
    snapshot: str | None
    max_intent_age_s: float
    order_id: str
    atr_value: float | None
    regime: str | None

    @property
    def freshness(self) -> Freshness:
        """Return the age of the message according to the record."""
        return freshness_of(self.time_origin, self.occurred_at, self.recorded_at, self.max_intent_age_s)


def freshness_of(
    time_origin: TimeOrigin, occurred_at: datetime, recorded_at: datetime, max_age_s: float
) -> Freshness:
    """Return how old a message was when it was recorded; unknown if it gave no time."""
    age_s = None if time_origin is TimeOrigin.RECORDED_AT else (recorded_at - occurred_at).total_seconds()
    return Freshness(age_s, max_age_s)


class JudgedLevels(Struct, frozen=True):
    """The outcome of a decision: raw levels in the policy's unit, rounding, guards, trigger prices, slices.

    `rounding` lists what the tick changed. `triggers` is None without an entry price.
    """

    raw: RawLevels
    rounding: tuple[Bound, ...]
    guards: GuardReport
    triggers: Triggers[Price] | None
    slices: tuple[Slice, ...]

    @property
    def harvest(self) -> tuple[float, float, float] | None:
        """Return the fractions that the targets close; None if the levels were refused."""
        return self.raw.harvest if self.raw.refusal is None else None

    @property
    def binding(self) -> tuple[Bound, ...]:
        """Return the constraints that changed a final number, first from the formula, then from rounding."""
        return binding_of(self.raw.bounds) + self.rounding


class DecisionId(Struct, frozen=True):
    """The plan of a decision and its revision in that plan."""

    plan_id: UUID
    revision: int


def judge_levels(
    unit: Unit, inputs: LevelInputs, raw: RawLevels, instrument: Instrument | None, freshness: Freshness
) -> JudgedLevels:
    """Round, slice and judge the raw levels of an engine."""
    if raw.refusal is not None:
        return JudgedLevels(raw, (), judge_refused(inputs, freshness), None, ())
    distances = fractions_of(unit, raw)
    rounding: tuple[Bound, ...] = ()
    entry = inputs.entry_price
    triggers: Triggers[Price] | None = None
    slices: tuple[Slice, ...] = ()
    if entry is not None:
        tick = instrument.tick_size if instrument is not None else None
        if tick is None:
            triggers = double_prices(entry, inputs.side, distances)
        else:
            exact = exact_prices(entry, inputs.side, distances)
            rounded = on_ticks(exact, entry, inputs.side, tick, unit.to_fraction(raw.floor))
            rounding = tick_bounds(exact, rounded)
            distances = rounded_distances(entry, inputs.side, rounded)
            triggers = rounded
        if instrument is not None and inputs.quantity is not None:
            slices = slices_of(inputs.quantity, raw.harvest, instrument, entry)
    report = judge(inputs, freshness, distances, raw.harvest, instrument, triggers, slices)
    return JudgedLevels(raw, rounding, report, triggers, slices)


def binding_of(bounds: tuple[Bound, ...]) -> tuple[Bound, ...]:
    """Return the bounds that changed a final number.

    If a higher minimum replaces a lower one (or a lower maximum a higher one), only the last of them is kept,
    with the number before the first: without the earlier ones the final number would be the same.
    """
    if len(bounds) < 2:
        return bounds
    kept: list[Bound] = []
    for bound in bounds:
        last = kept[-1] if kept else None
        if last is not None and last.level == bound.level and _direction(last) == _direction(bound):
            kept[-1] = Bound(bound.level, bound.constraint, last.before, bound.after)
        else:
            kept.append(bound)
    return tuple(kept)


def _direction(bound: Bound) -> int:
    if bound.before == bound.after:
        return 0
    return 1 if bound.after > bound.before else -1
