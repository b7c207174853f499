"""A recorded position on market data under the baseline and under a candidate, as JSON."""

from datetime import datetime

from msgspec import Struct

from exitbrain.application.whatif.measures import HistoryMeasures, PositionMeasures
from exitbrain.application.whatif.outcomes import PositionOutcome, Walked
from exitbrain.domain.evidence.attribution import Attribution
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.sizes import ResultSizes
from exitbrain.domain.simulation.outcome import History
from exitbrain.domain.simulation.plan import Relevelled
from exitbrain.infrastructure.presentation.wording import exactly


class Effects(Struct):
    """What made a difference, exact decimals whose sum is `total`; fractions of the entry notional, as text."""

    levels: str
    harvest: str
    liquidation: str
    cost: str
    funding: str
    total: str


class AttributedEnds(Struct):
    """The effects behind the lowest and behind the highest difference."""

    lower: Effects
    upper: Effects


class OutcomeLeg(Struct):
    """A part that closed, and how far the price had gone from the entry until then; `at` in epoch milliseconds."""

    level: str
    fraction: float
    price: float
    at: int
    mfe: Interval
    mae: Interval


class OutcomeHistory(Struct):
    """One possible history of a position; `gross` and `net` are fractions of the first entry notional.

    `r` is the net result in units of R, `r_own` in units of R with the policy's own stops.
    """

    legs: list[OutcomeLeg]
    gross: float
    net: float
    give_back: Interval | None
    targets_hit: int
    reversed: bool | None
    r: float | None
    r_own: float | None


class OutcomeOfPolicy(Struct):
    """A position under one policy: the first trigger prices and shares, and the two histories that bound all others.

    `failed_guards` are the guards on its levels that failed at any revision. `went_on` says that it went on after the
    recorded close, `added_after_exit` that an add was recorded after its own exit, which is not walked.
    """

    targets: list[float]
    stop: float
    shares: list[float]
    revisions: int
    failed_guards: list[str]
    pessimistic: OutcomeHistory
    optimistic: OutcomeHistory
    ambiguous: bool
    went_on: bool
    added_after_exit: bool
    loss_at_stop: float | None
    cost_to_break_even: float


class PriceOnMarket(Struct):
    """A recorded price: `what` is `entry`, `increase`, `reduction` or `close`.

    `off_market` says whether it lies outside the candle of its time; null where there is no candle.
    """

    what: str
    at: datetime
    price: float
    off_market: bool | None


class PositionSizes(Struct):
    """The sizes of a position in its quote currency; null where its quantity is unknown.

    `committed` is the highest cost basis, `at_risk` is R; `committed_scale` is the first notional divided by
    `committed`.
    """

    currency: str
    first_notional: float | None
    committed: float | None
    at_risk: float | None
    committed_scale: float


class OutcomePosition(Struct):
    """A recorded position under the baseline and the candidate, and the bounds of their difference.

    `ended_by` says who made the recorded close, by its reason (null where it is open), `taken_for` as whom it was read.
    `as_traded` is the net result of the recorded fills, null where they are not all known. Results are fractions of
    the first entry notional.
    """

    position_id: str
    symbol: str
    side: str
    entry_price: float
    opened_at: datetime
    entry_off_market: bool | None
    prices: list[PriceOnMarket]
    ended_by: str | None
    taken_for: str | None
    sizes: PositionSizes
    as_traded: float | None
    holes: int
    baseline: OutcomeOfPolicy
    candidate: OutcomeOfPolicy
    difference: Interval
    attribution: AttributedEnds


def position_of(
    outcome: PositionOutcome, before: PositionMeasures, after: PositionMeasures
) -> OutcomePosition:
    """Return a walked position with its measures under the baseline and under the candidate."""
    position, difference, split = outcome.position, outcome.differences[0], outcome.attributions[0]
    assert position.entry_price is not None  # else it is not walked
    walks = (outcome.baseline.bounds, outcome.candidates[0].bounds)
    return OutcomePosition(
        position_id=str(position.position_id),
        symbol=position.symbol,
        side=position.side.value,
        entry_price=float(position.entry_price),
        opened_at=position.opened_at,
        entry_off_market=walks[0].entry_off_market,
        prices=[
            PriceOnMarket(each.what.value, each.at, float(each.price), each.off_market)
            for each in outcome.prices
        ],
        ended_by=outcome.ended_by,
        taken_for=outcome.taken_for,
        sizes=_sizes(outcome.sizes),
        as_traded=None if outcome.as_traded is None else outcome.as_traded.net,
        holes=max(walk.holes for walk in walks),
        baseline=_under(outcome.baseline, before),
        candidate=_under(outcome.candidates[0], after),
        difference=Interval(difference.lower, difference.upper),
        attribution=attributed(split.lower, split.upper),
    )


def _sizes(sizes: ResultSizes) -> PositionSizes:
    first = None if sizes.first_notional is None else float(sizes.first_notional)
    return PositionSizes(
        currency=sizes.currency,
        first_notional=first,
        committed=None if sizes.committed is None else float(sizes.committed),
        at_risk=None if first is None else sizes.risk * first,
        committed_scale=sizes.committed_scale,
    )


def _under(walked: Walked, measured: PositionMeasures) -> OutcomeOfPolicy:
    setup, bounds = walked.plan.setup, walked.bounds
    return OutcomeOfPolicy(
        targets=list(setup.targets),
        stop=setup.stop,
        shares=list(setup.shares),
        revisions=1 + len([change for change in walked.plan.changes if isinstance(change, Relevelled)]),
        failed_guards=list(walked.failed_guards),
        pessimistic=_history(bounds.pessimistic, measured.pessimistic),
        optimistic=_history(bounds.optimistic, measured.optimistic),
        ambiguous=bounds.ambiguous,
        went_on=walked.went_on,
        added_after_exit=walked.added_after_exit,
        loss_at_stop=measured.loss_at_stop,
        cost_to_break_even=measured.cost_to_break_even,
    )


def _history(history: History, measured: HistoryMeasures) -> OutcomeHistory:
    return OutcomeHistory(
        legs=[
            OutcomeLeg(
                leg.level.value,
                leg.fraction,
                leg.price,
                leg.at_ms,
                excursion.favourable,
                excursion.adverse,
            )
            for leg, excursion in zip(history.legs, measured.excursions, strict=True)
        ],
        gross=history.gross,
        net=history.net,
        give_back=measured.give_back,
        targets_hit=measured.targets_hit,
        reversed=measured.reversed,
        r=measured.r,
        r_own=measured.r_own,
    )


def attributed(lower: Attribution, upper: Attribution) -> AttributedEnds:
    """Return the effects behind both ends of a difference."""
    return AttributedEnds(_effects(lower), _effects(upper))


def _effects(split: Attribution) -> Effects:
    return Effects(
        levels=exactly(split.levels),
        harvest=exactly(split.harvest),
        liquidation=exactly(split.liquidation),
        cost=exactly(split.cost),
        funding=exactly(split.funding),
        total=exactly(split.total),
    )
