"""Outcomes: results of recorded positions under other policies, on the available market data.

Open loop: every recorded input, including the average PnL, stays fixed; only the policy changes. A position
keeps its entry, its recorded changes of size and a recorded close that ends it (see `closes`); at each recorded
revision the policy computes again from the recorded inputs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from msgspec import Struct

from exitbrain.application.engine_answer import candidate_levels
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.market import MarketData, MarketUnreadable, NoMarket
from exitbrain.application.ports.walks import RowWalks, Walks
from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.application.recorded import MissingSnapshot, Policies, Snapshots
from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.as_traded import as_traded
from exitbrain.application.whatif.closes import CloseRules, Reading, RecordedEnd
from exitbrain.application.whatif.decisions import rebased
from exitbrain.application.whatif.plans import (
    LeftOutBecause,
    LevelsOf,
    NotWalked,
    Planned,
    plan_of,
)
from exitbrain.application.whatif.readings import ReadCloses, WalkedTogether, recorded_end
from exitbrain.application.whatif.recorded_prices import RecordedPrice, prices_of
from exitbrain.application.whatif.sizes import sizes_of
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.attribution import AttributedDifference, attribute
from exitbrain.domain.evidence.sizes import ResultSizes, risk_of
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.domain.simulation.candle import Market
from exitbrain.domain.simulation.outcome import ExitBounds, History, PolicyDifference
from exitbrain.domain.simulation.plan import Increased, Plan, Relevelled
from exitbrain.domain.values import EPOCH, Assumption, changed, ms_of


class LeftOutPosition(Struct, frozen=True):
    """A position left out of the figures, with the reason; `detail` names the policy, candles or prices concerned.

    `error` is raised if no position remains.
    """

    position: RecordedPosition
    because: LeftOutBecause
    detail: str
    error: InvalidValue | MarketUnreadable | None = None


class Walked(Struct, frozen=True):
    """A position under one policy, with the failed guards on its levels.

    `went_on` says that it was followed past a recorded close that did not end it, `added_after_exit` that an add was
    recorded after its own exit, and so not walked. `own_risk` is R with its own stops, a fraction of the first
    notional.
    """

    plan: Plan
    bounds: ExitBounds
    failed_guards: tuple[str, ...]
    went_on: bool
    added_after_exit: bool
    own_risk: float


class PositionOutcome(Struct, frozen=True):
    """A position under the baseline and every candidate; `differences` are candidate minus baseline.

    `prices` are the recorded prices. `ended_by` says who made the recorded close, None if there is none, and
    `taken_for` as whom it was read; `some_unknown` says that nobody is known to have made it, or a reduction. `readings` holds the differences under the other readings of the closes, where
    they are not these. `as_traded` are the recorded fills, None if they are not all known. `attributions` is empty
    unless requested.
    """

    position: RecordedPosition
    market: Market
    baseline: Walked
    candidates: tuple[Walked, ...]
    differences: tuple[PolicyDifference, ...]
    readings: Mapping[Reading, tuple[PolicyDifference, ...]]
    ended_by: EndedBy | None
    taken_for: EndedBy | None
    some_unknown: bool
    sizes: ResultSizes
    as_traded: History | None
    attributions: tuple[AttributedDifference, ...]
    assumptions: tuple[Assumption, ...]
    prices: tuple[RecordedPrice, ...]

    @property
    def off_market(self) -> tuple[RecordedPrice, ...]:
        """Return the recorded prices outside the candle of their time."""
        return tuple(price for price in self.prices if price.off_market)

    @property
    def off_market_unknown(self) -> bool:
        """Return whether a recorded price has no candle at its time."""
        return any(price.off_market is None for price in self.prices)

    @property
    def went_on(self) -> bool:
        """Return whether any policy went on after the recorded close."""
        return any(each.went_on for each in (self.baseline, *self.candidates))

    @property
    def added_after_exit(self) -> bool:
        """Return whether an add was recorded after the own exit of any policy."""
        return any(each.added_after_exit for each in (self.baseline, *self.candidates))

    @property
    def leverage(self) -> float | None:
        """Return the recorded leverage of the first level computation; None if it was assumed."""
        return self.position.leverage

    def ended_at_ms(self, differences: Sequence[PolicyDifference]) -> int:
        """Return when the last policy has closed the position under every possible history."""
        last_ms = max(difference.last_end_ms for difference in differences)
        return last_ms + self.market.candles.interval_ms


class Outcomes:
    """Walk recorded positions under policies. A `baseline` of None means the levels as recorded."""

    def __init__(
        self,
        policies: Policies,
        snapshots: Snapshots,
        engine: LevelEngine,
        market: MarketData,
        walks: Walks | None = None,
    ) -> None:
        self._policies = policies
        self._snapshots = snapshots
        self._engine = engine
        self._market = market
        self._walks = walks or RowWalks()

    def run(
        self,
        positions: Iterable[RecordedPosition],
        baseline: Policy | None,
        candidates: Sequence[Policy],
        terms: Terms,
        closes: CloseRules,
        *,
        attributed: bool = False,
    ) -> Iterator[PositionOutcome | LeftOutPosition]:
        """Yield each position walked, or left out with the reason. Needs at least one candidate and a horizon."""
        for position in positions:
            try:
                yield self._outcome(position, baseline, candidates, terms, closes, attributed)
            except NotWalked as error:
                yield LeftOutPosition(position, error.because, error.detail)
            except MarketUnreadable as error:
                yield LeftOutPosition(position, LeftOutBecause.UNREADABLE, str(error), error)
            except InvalidValue as error:
                where = f"position {position.position_id} ({position.symbol}): {error.field}"
                named = InvalidValue(where, error.value, error.allowed)
                yield LeftOutPosition(position, LeftOutBecause.UNFIT, str(error), named)

    def _outcome(
        self,
        position: RecordedPosition,
        baseline: Policy | None,
        candidates: Sequence[Policy],
        terms: Terms,
        closes: CloseRules,
        attributed: bool,
    ) -> PositionOutcome:
        market = self._market_of(position)
        assumptions: dict[Assumption, None] = {}
        planned = [
            plan_of(position, terms, self._levels_under(policy), assumptions)
            for policy in (baseline, *candidates)
        ]
        recorded = planned[0] if baseline is None else self._recorded(position, terms)
        end = recorded_end(position, market.candles, closes, assumptions)
        readings = ReadCloses(position, recorded, end, closes.table, market, self._walks)
        together = WalkedTogether(self._walks, market)
        found = together.under_each(readings, planned, closes.reading)
        first, *others = [_walked(*each, end) for each in zip(planned, found.plans, found.walks, strict=True)]
        assumptions.update(dict.fromkeys(_assumed_of(market, [first, *others])))
        attributions: tuple[AttributedDifference, ...] = ()
        if attributed:
            attributions = tuple(
                [
                    _attributed(first.plan, other.plan, difference, together, market)
                    for other, difference in zip(others, found.differences, strict=True)
                ]
            )
        return PositionOutcome(
            position=position,
            market=market,
            baseline=first,
            candidates=tuple(others),
            differences=found.differences,
            readings=found.readings,
            ended_by=readings.makers.close,
            taken_for=readings.read(closes.reading.unknown).close,
            some_unknown=readings.makers.some_unknown,
            sizes=sizes_of(position, risk_of(planned[0].plan)),
            as_traded=as_traded(position, planned[0].plan.setup),
            attributions=attributions,
            assumptions=tuple(assumptions),
            prices=prices_of(position, market.candles),
        )

    def _recorded(self, position: RecordedPosition, terms: Terms) -> Planned | None:
        """Return the plan as recorded, None if there is none to walk."""
        try:
            return plan_of(position, terms, self._levels_under(None), {})
        except NotWalked:
            return None

    def _market_of(self, position: RecordedPosition) -> Market:
        if position.entry_price is None:
            raise NotWalked(LeftOutBecause.NO_ENTRY_PRICE, "its messages name none")
        try:
            market = self._market.market(position.symbol)
        except NoMarket as error:
            raise NotWalked(LeftOutBecause.NO_CANDLES, str(error)) from error
        candles = market.candles
        if not candles.opens_ms[0] <= ms_of(position.opened_at) < candles.end_ms:
            first, end = (EPOCH + timedelta(milliseconds=ms) for ms in (candles.opens_ms[0], candles.end_ms))
            span = f"candles from {first.isoformat()} to before {end.isoformat()}"
            raise NotWalked(LeftOutBecause.OUTSIDE_CANDLES, span)
        return market

    def _levels_under(self, policy: Policy | None) -> "LevelsOf":
        if policy is None:
            return LevelsOf("as recorded", lambda decision: decision.levels, self._instrument)
        return LevelsOf(policy.name, lambda decision: self._computed(policy, decision), self._instrument)

    def _computed(self, policy: Policy, decision: Decision) -> JudgedLevels:
        recorded = self._policies.find(decision.policy.name, decision.policy.parameters_hash)
        if recorded is None:
            raise NotWalked(LeftOutBecause.UNKNOWN_POLICY, decision.policy.name)
        instrument = self._instrument(decision)
        inputs = rebased(decision.inputs, recorded, policy)
        raw = candidate_levels(self._engine, policy, inputs, instrument)
        return judge_levels(policy.unit, inputs, raw, instrument, decision.context.freshness)

    def _instrument(self, decision: Decision) -> Instrument | None:
        try:
            return self._snapshots.of(decision.context.snapshot)
        except MissingSnapshot as missing:
            raise NotWalked(LeftOutBecause.MISSING_SNAPSHOT, str(missing)) from missing


def _attributed(
    baseline: Plan, candidate: Plan, difference: PolicyDifference, together: WalkedTogether, market: Market
) -> AttributedDifference:
    before, after = _without_liquidation(baseline), _without_liquidation(candidate)
    same = before == baseline and after == candidate
    unliquidated = difference if same else together.difference(before, after)
    return attribute(baseline, candidate, difference, unliquidated, market.candles)


def _walked(planned: Planned, plan: Plan, bounds: ExitBounds, end: RecordedEnd) -> Walked:
    ended_ms = min(history.legs[-1].at_ms for history in (bounds.pessimistic, bounds.optimistic))
    added = [each.at_ms for each in plan.changes if isinstance(each, Increased)]
    return Walked(
        plan=plan,
        bounds=bounds,
        failed_guards=planned.failed_guards,
        went_on=plan.until_ms is not None and end.close is not None and bounds.last_end_ms > end.close.at_ms,
        added_after_exit=any(at_ms > ended_ms for at_ms in added),
        own_risk=risk_of(planned.plan),
    )


def _assumed_of(market: Market, walked: Sequence[Walked]) -> Iterator[Assumption]:
    bounds = walked[0].bounds
    if not market.funding:
        yield Assumption("funding_paid", "0.0", "no funding rates given")
    if any(one.bounds.mark_assumed for one in walked):
        yield Assumption("mark", "contract price", "no mark candle for every candle")
    if bounds.entry_off_market is None:
        yield Assumption("entry_off_market", "false", "the candle of the entry is missing")


def _without_liquidation(plan: Plan) -> Plan:
    changes = tuple(
        [
            changed(change, liquidation=None) if isinstance(change, Relevelled) else change
            for change in plan.changes
        ]
    )
    return changed(plan, setup=changed(plan.setup, liquidation=None), changes=changes)
