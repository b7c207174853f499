"""Totals of outcomes by bound, the comparisons to judge, and regret in hindsight."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from exitbrain.application.whatif.outcomes import PositionOutcome
from exitbrain.domain.evidence.attribution import NOTHING, Attribution
from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.interval import Interval


@dataclass(slots=True)
class CandidateSums:
    """Sums over positions of one candidate, as fractions of each position's entry notional, added in order.

    `pessimistic` and `optimistic` are net results of the candidate, `baseline` those of the baseline; `lower`
    and `upper` bound candidate minus baseline.
    """

    positions: int = 0
    pessimistic: float = 0.0
    optimistic: float = 0.0
    baseline: Interval = field(default_factory=lambda: Interval(0.0, 0.0))
    lower: float = 0.0
    upper: float = 0.0

    def add(self, outcome: PositionOutcome, candidate: int) -> None:
        """Add a position."""
        bounds, before = outcome.candidates[candidate].bounds, outcome.baseline.bounds
        difference = outcome.differences[candidate]
        self.positions += 1
        self.pessimistic += bounds.pessimistic.net
        self.optimistic += bounds.optimistic.net
        self.baseline = Interval(
            self.baseline.lower + before.pessimistic.net, self.baseline.upper + before.optimistic.net
        )
        self.lower += difference.lower
        self.upper += difference.upper


@dataclass(slots=True)
class CandidateTotals:
    """The totals of one candidate.

    `everything` holds all counted positions, `without_holes` those without missing candles, `closed` those
    fully closed at the end of the data under both policies, `without_failed_guards` those without a failed
    guard on the levels under both. `with_off_market` and `without_off_market` hold all walked positions with
    and without those that have a recorded price off market, whether these are counted or not. The
    attributions are exact sums over everything, and zero if outcomes are not attributed.
    """

    everything: CandidateSums = field(default_factory=CandidateSums)
    without_holes: CandidateSums = field(default_factory=CandidateSums)
    closed: CandidateSums = field(default_factory=CandidateSums)
    without_failed_guards: CandidateSums = field(default_factory=CandidateSums)
    with_off_market: CandidateSums = field(default_factory=CandidateSums)
    without_off_market: CandidateSums = field(default_factory=CandidateSums)
    ambiguous: int = 0
    lower: Attribution = NOTHING
    upper: Attribution = NOTHING

    @property
    def holes(self) -> int:
        """Return how many positions have missing candles."""
        return self.everything.positions - self.without_holes.positions

    @property
    def still_open(self) -> int:
        """Return how many positions are still partly open at the end of the data."""
        return self.everything.positions - self.closed.positions

    def add(self, outcome: PositionOutcome, candidate: int, *, counted: bool = True) -> None:
        """Add a position; one that is not counted appears only in the figures for off-market prices."""
        self.with_off_market.add(outcome, candidate)
        if not outcome.off_market:
            self.without_off_market.add(outcome, candidate)
        if counted:
            self._count(outcome, candidate)

    def _count(self, outcome: PositionOutcome, candidate: int) -> None:
        both = (outcome.baseline, outcome.candidates[candidate])
        walks = [each.bounds for each in both]
        self.everything.add(outcome, candidate)
        self.ambiguous += any(bounds.ambiguous for bounds in walks)
        if not any(bounds.holes for bounds in walks):
            self.without_holes.add(outcome, candidate)
        if not any(bounds.pessimistic.is_open or bounds.optimistic.is_open for bounds in walks):
            self.closed.add(outcome, candidate)
        if not any(each.failed_guards for each in both):
            self.without_failed_guards.add(outcome, candidate)
        if outcome.attributions:
            self.lower = self.lower.plus(outcome.attributions[candidate].lower)
            self.upper = self.upper.plus(outcome.attributions[candidate].upper)


class Panel:
    """Adds up outcomes one by one into totals, comparisons and regret.

    `off_market` counts the positions with a recorded price off market, `off_market_unknown` those with one
    that has no candle, `failed_guards` the counted ones with a failed guard on the levels under any policy.
    """

    def __init__(self, candidates: int) -> None:
        self.totals = [CandidateTotals() for _ in range(candidates)]
        self.comparisons: list[Comparison] = []
        self.baseline_regret = Interval(0.0, 0.0)
        self.regrets = [Interval(0.0, 0.0) for _ in range(candidates)]
        self.off_market = 0
        self.off_market_unknown = 0
        self.failed_guards = 0

    def add(self, outcome: PositionOutcome, opened_at_ms: int, *, counted: bool = True) -> None:
        """Add a position; one that is not counted appears only in the off-market totals."""
        self.off_market += bool(outcome.off_market)
        self.off_market_unknown += outcome.off_market_unknown
        for candidate, totals in enumerate(self.totals):
            totals.add(outcome, candidate, counted=counted)
        if not counted:
            return
        self.failed_guards += any(each.failed_guards for each in (outcome.baseline, *outcome.candidates))
        bounds = [Interval(difference.lower, difference.upper) for difference in outcome.differences]
        lower = tuple([each.lower for each in bounds])
        upper = tuple([each.upper for each in bounds])
        self.comparisons.append(Comparison(opened_at_ms, outcome.ended_at_ms, lower, upper))
        regrets = regrets_of([Interval(0.0, 0.0), *bounds])
        self.baseline_regret = _plus(self.baseline_regret, regrets[0])
        self.regrets = [_plus(total, more) for total, more in zip(self.regrets, regrets[1:], strict=True)]


def regrets_of(family: Sequence[Interval]) -> list[Interval]:
    """Return how much more the best of the family, in hindsight, would have earned than each member.

    `family` holds results, or differences from the same baseline. Never below 0, as each member is in the
    family.
    """
    lowers = _highest_others([each.lower for each in family])
    uppers = _highest_others([each.upper for each in family])
    return [
        Interval(max(0.0, lower - own.upper), max(0.0, upper - own.lower))
        for own, lower, upper in zip(family, lowers, uppers, strict=True)
    ]


def _highest_others(values: Sequence[float]) -> list[float]:
    """Return for each value the highest of the others, or itself if there are none."""
    if len(values) < 2:
        return list(values)
    second, first = sorted(range(len(values)), key=values.__getitem__)[-2:]
    return [values[second if place == first else first] for place in range(len(values))]


def _plus(total: Interval, more: Interval) -> Interval:
    return Interval(total.lower + more.lower, total.upper + more.upper)
