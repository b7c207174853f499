"""The plans of one position under each reading of its recorded closes, and their walks."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from exitbrain.application.ports.walks import Walks
from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.application.whatif.closes import (
    READINGS,
    CloseRules,
    Makers,
    Reading,
    RecordedEnd,
    UnknownCloses,
    makers_of,
)
from exitbrain.application.whatif.inferred import inferred
from exitbrain.application.whatif.plans import Planned, recorded_close
from exitbrain.domain.positions.ended_by import EndedBy, ReasonTable
from exitbrain.domain.simulation.candle import CandleSeries, Market
from exitbrain.domain.simulation.difference import difference_apart
from exitbrain.domain.simulation.ending import ending_of
from exitbrain.domain.simulation.outcome import ExitBounds, PolicyDifference
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.values import Assumption, changed, ms_of


def recorded_end(
    position: RecordedPosition,
    candles: CandleSeries,
    closes: CloseRules,
    assumptions: dict[Assumption, None],
) -> RecordedEnd:
    """Return how a position ended in the record; adds to `assumptions`. The rules must have a horizon."""
    assert closes.horizon_ms is not None
    next_entry = None if position.next_entry_at is None else ms_of(position.next_entry_at)
    return RecordedEnd(recorded_close(position, candles, assumptions), next_entry, closes.horizon_ms)


class ReadCloses:
    """The recorded close and reductions of one position; `recorded` is its plan, None if it cannot be walked."""

    def __init__(
        self,
        position: RecordedPosition,
        recorded: Planned | None,
        end: RecordedEnd,
        table: ReasonTable,
        market: Market,
        walks: Walks,
    ) -> None:
        self.makers = makers_of(position, table)
        self._position = position
        self._recorded = recorded
        self._end = end
        self._market = market
        self._walks = walks
        self._read: dict[UnknownCloses, Makers] = {}

    def read(self, unknown: UnknownCloses) -> Makers:
        """Return who is taken to have made the close and the reductions."""
        if unknown not in self._read:
            self._read[unknown] = self._read_anew(unknown)
        return self._read[unknown]

    def _read_anew(self, unknown: UnknownCloses) -> Makers:
        if unknown is UnknownCloses.EXITS:
            return self.makers.read(EndedBy.EXITS)
        if unknown is UnknownCloses.TRADER or self._recorded is None or not self.makers.some_unknown:
            return self.makers.read(EndedBy.TRADER)
        return inferred(
            self._position, self._recorded, self.makers, self._end.close, self._market, self._walks
        )

    def others(self, asked: Reading) -> list[Reading]:
        """Return the other readings that may give other plans."""
        return [each for each in READINGS if each != asked] if self.makers.some_by_exits else []

    def plans(self, planned: Sequence[Planned], reading: Reading) -> list[Plan]:
        """Return each plan with the end that a reading gives it."""
        makers = self.read(reading.unknown)
        made_it = None if self._recorded is None else self._recorded.plan
        return [
            self._end.applied(each.plan, each.reductions, makers, reading.after, made_it=each.plan == made_it)
            for each in planned
        ]


class ReadingWalks(Struct, frozen=True):
    """The plans of one position under the reading asked for, their walks, and how each differs from the first.

    `readings` holds the differences under the other readings, where any walk is another.
    """

    plans: Sequence[Plan]
    walks: Sequence[ExitBounds]
    differences: tuple[PolicyDifference, ...]
    readings: Mapping[Reading, tuple[PolicyDifference, ...]]


class WalkedTogether:
    """Walks the plans of one position, each distinct one once: many policies of a grid give the same levels."""

    def __init__(self, walks: Walks, market: Market) -> None:
        self._walks = walks
        self._market = market
        self._known: dict[Plan, ExitBounds] = {}
        self._ended: dict[Plan, ExitBounds] = {}
        self._differences: dict[tuple[Plan, Plan], PolicyDifference] = {}

    def under_each(self, closes: ReadCloses, planned: Sequence[Planned], asked: Reading) -> ReadingWalks:
        """Walk the plans under the reading asked for, and under those that may change it."""
        plans = closes.plans(planned, asked)
        walks = [self._walk(plan) for plan in plans]
        readings: dict[Reading, tuple[PolicyDifference, ...]] = {}
        for reading in closes.others(asked):
            others = closes.plans(planned, reading)
            walked = [self._walk(plan) for plan in others]
            if any(walk is not before for walk, before in zip(walked, walks, strict=True)):
                readings[reading] = self._differences_of(others, walked)
        return ReadingWalks(plans, walks, self._differences_of(plans, walks), readings)

    def difference(self, baseline: Plan, candidate: Plan) -> PolicyDifference:
        """Return how two plans differ."""
        return self._difference(baseline, candidate, self._walk(baseline), self._walk(candidate))

    def _differences_of(
        self, plans: Sequence[Plan], walks: Sequence[ExitBounds]
    ) -> tuple[PolicyDifference, ...]:
        return tuple(
            [
                self._difference(plans[0], plan, walks[0], walk)
                for plan, walk in zip(plans[1:], walks[1:], strict=True)
            ]
        )

    def _walk(self, plan: Plan) -> ExitBounds:
        if plan not in self._known:
            walk = self._ended_before(plan) or self._walks.walk_plan(plan, self._market)
            if plan.until_ms is not None and self._ends_by_itself(plan, walk):
                self._ended[changed(plan, until_ms=None)] = walk
            self._known[plan] = walk
        return self._known[plan]

    def _ended_before(self, plan: Plan) -> ExitBounds | None:
        """Return the walk of the same plan followed for another time, if it ends by itself before both."""
        found = self._ended.get(changed(plan, until_ms=None)) if plan.until_ms is not None else None
        return found if found is not None and self._ends_by_itself(plan, found) else None

    def _ends_by_itself(self, plan: Plan, walk: ExitBounds) -> bool:
        ending = ending_of(plan, self._market.candles)
        return ending is not None and walk.last_end_ms < ending.leg_ms

    def _difference(
        self, baseline: Plan, candidate: Plan, before: ExitBounds, after: ExitBounds
    ) -> PolicyDifference:
        pair = baseline, candidate
        if pair not in self._differences:
            apart = difference_apart(*pair, before, after)
            self._differences[pair] = apart or self._walks.walk_both(*pair, self._market)
        return self._differences[pair]
