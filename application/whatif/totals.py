"""Totals of outcomes by bound, the comparisons to judge, and regret in hindsight."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from exitbrain.application.whatif.closes import READINGS, Reading
from exitbrain.application.whatif.outcomes import PositionOutcome
from exitbrain.domain.evidence.attribution import NOTHING, Attribution
from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.domain.simulation.outcome import PolicyDifference


@dataclass(slots=True)
class CandidateSums:
    """Sums over positions of one candidate, in one unit, added in order.

    `pessimistic` and `optimistic` are net results of the candidate, `baseline` those of the baseline; `lower`
    and `upper` bound candidate minus baseline.
    """

    unit: ResultUnit
    positions: int = 0
    pessimistic: float = 0.0
    optimistic: float = 0.0
    baseline: Interval = field(default_factory=lambda: Interval(0.0, 0.0))
    lower: float = 0.0
    upper: float = 0.0

    def add(self, results: "CandidateResults") -> None:
        """Add a position, with its results in the unit."""
        self.positions += 1
        self.pessimistic += results.pessimistic
        self.optimistic += results.optimistic
        self.baseline = _plus(self.baseline, results.baseline)
        self.lower += results.lower
        self.upper += results.upper


class CandidateResults(Struct, frozen=True):
    """The net results of one position under a candidate and the baseline, in one unit; see `CandidateSums`."""

    pessimistic: float
    optimistic: float
    baseline: Interval
    lower: float
    upper: float


def results_in(unit: ResultUnit, outcome: PositionOutcome, candidate: int) -> CandidateResults:
    """Return the results of a position that has results in the unit."""
    bounds, before = outcome.candidates[candidate].bounds, outcome.baseline.bounds
    difference = outcome.differences[candidate]

    def measured(result: float) -> float:
        found = outcome.sizes.measured(unit, result)
        assert found is not None
        return found

    return CandidateResults(
        measured(bounds.pessimistic.net),
        measured(bounds.optimistic.net),
        Interval(measured(before.pessimistic.net), measured(before.optimistic.net)),
        measured(difference.lower),
        measured(difference.upper),
    )


@dataclass(slots=True)
class TradedSums:
    """The recorded fills of the positions that have them all, beside the baseline's walk of the same positions."""

    unit: ResultUnit
    positions: int = 0
    net: float = 0.0
    baseline: Interval = field(default_factory=lambda: Interval(0.0, 0.0))

    def add(self, outcome: PositionOutcome) -> None:
        """Add a position, if all its fills are known."""
        if outcome.as_traded is None:
            return
        walked = outcome.baseline.bounds
        nets = (outcome.as_traded.net, walked.pessimistic.net, walked.optimistic.net)
        net, lower, upper = (outcome.sizes.measured(self.unit, each) for each in nets)
        if net is not None and lower is not None and upper is not None:
            self.positions += 1
            self.net += net
            self.baseline = Interval(self.baseline.lower + lower, self.baseline.upper + upper)


@dataclass(slots=True)
class CandidateTotals:
    """The totals of one candidate.

    `everything` holds all counted positions, `without_holes` those without missing candles, `closed` those
    fully closed when the walk ends under both policies, `without_failed_guards` those without a failed
    guard on the levels under both. `with_off_market` and `without_off_market` hold all walked positions with
    and without those that have a recorded price off market, whether these are counted or not. `quote` holds the sums
    in each quote currency, over the positions of known quantity. `went_on` and `added_after_exit` count the positions
    with that mark under either policy. The attributions are exact sums over everything, and zero if outcomes are not attributed.
    """

    everything: CandidateSums
    without_holes: CandidateSums
    closed: CandidateSums
    without_failed_guards: CandidateSums
    with_off_market: CandidateSums
    without_off_market: CandidateSums
    quote: dict[str, CandidateSums] = field(default_factory=dict)
    ambiguous: int = 0
    went_on: int = 0
    added_after_exit: int = 0
    lower: Attribution = NOTHING
    upper: Attribution = NOTHING

    @classmethod
    def of(cls, unit: ResultUnit) -> "CandidateTotals":
        """Return empty totals in a unit."""
        return cls(
            everything=CandidateSums(unit),
            without_holes=CandidateSums(unit),
            closed=CandidateSums(unit),
            without_failed_guards=CandidateSums(unit),
            with_off_market=CandidateSums(unit),
            without_off_market=CandidateSums(unit),
        )

    @property
    def holes(self) -> int:
        """Return how many positions have missing candles."""
        return self.everything.positions - self.without_holes.positions

    @property
    def still_open(self) -> int:
        """Return how many positions are still partly open when the walk ends."""
        return self.everything.positions - self.closed.positions

    def add(self, outcome: PositionOutcome, candidate: int, *, counted: bool = True) -> None:
        """Add a position; one that is not counted appears only in the figures for off-market prices."""
        results = results_in(self.everything.unit, outcome, candidate)
        self.with_off_market.add(results)
        if not outcome.off_market:
            self.without_off_market.add(results)
        if counted:
            self._count(outcome, candidate, results)

    def _count(self, outcome: PositionOutcome, candidate: int, results: CandidateResults) -> None:
        both = (outcome.baseline, outcome.candidates[candidate])
        walks = [each.bounds for each in both]
        self.everything.add(results)
        if outcome.sizes.first_notional is not None:
            currency = outcome.sizes.currency
            sums = self.quote.setdefault(currency, CandidateSums(ResultUnit.QUOTE))
            sums.add(results_in(ResultUnit.QUOTE, outcome, candidate))
        self.went_on += any(each.went_on for each in both)
        self.added_after_exit += any(each.added_after_exit for each in both)
        self.ambiguous += any(bounds.ambiguous for bounds in walks)
        if not any(bounds.holes for bounds in walks):
            self.without_holes.add(results)
        if not any(bounds.pessimistic.is_open or bounds.optimistic.is_open for bounds in walks):
            self.closed.add(results)
        if not any(each.failed_guards for each in both):
            self.without_failed_guards.add(results)
        if outcome.attributions:
            split, scale = outcome.attributions[candidate], self._scale(outcome)
            self.lower = self.lower.plus(split.lower.times(scale))
            self.upper = self.upper.plus(split.upper.times(scale))

    def _scale(self, outcome: PositionOutcome) -> float:
        scale = outcome.sizes.measured(self.everything.unit, 1.0)
        assert scale is not None
        return scale


class Panel:
    """Adds up outcomes one by one into totals, comparisons and regret.

    `off_market` counts the positions with a recorded price off market, `off_market_unknown` those with one
    that has no candle, `failed_guards` the counted ones with a failed guard on the levels under any policy.
    `comparisons` are those of the reading of closes that was asked for, `readings` those of the others.
    """

    def __init__(self, candidates: int, unit: ResultUnit) -> None:
        self.unit = unit
        self.totals = [CandidateTotals.of(unit) for _ in range(candidates)]
        self.comparisons: list[Comparison] = []
        self.readings: dict[Reading, list[Comparison]] = {reading: [] for reading in READINGS}
        self.traded = TradedSums(unit)
        self.traded_quote: dict[str, TradedSums] = {}
        self.ended_by: Counter[EndedBy] = Counter()
        self.unknown = 0
        self.went_on = 0
        self.added_after_exit = 0
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
        self._count_ends(outcome)
        compared = self._compared(outcome, opened_at_ms, outcome.differences)
        self.comparisons.append(compared)
        for reading, comparisons in self.readings.items():
            other = outcome.readings.get(reading)
            comparisons.append(compared if other is None else self._compared(outcome, opened_at_ms, other))
        bounds = [Interval(*each) for each in zip(compared.lower, compared.upper, strict=True)]
        regrets = regrets_of([Interval(0.0, 0.0), *bounds])
        self.baseline_regret = _plus(self.baseline_regret, regrets[0])
        self.regrets = [_plus(total, more) for total, more in zip(self.regrets, regrets[1:], strict=True)]

    def _count_ends(self, outcome: PositionOutcome) -> None:
        if outcome.ended_by is not None:
            self.ended_by[outcome.ended_by] += 1
        self.unknown += outcome.some_unknown
        self.went_on += outcome.went_on
        self.added_after_exit += outcome.added_after_exit
        self.traded.add(outcome)
        currency = outcome.sizes.currency
        self.traded_quote.setdefault(currency, TradedSums(ResultUnit.QUOTE)).add(outcome)

    def _compared(
        self, outcome: PositionOutcome, opened_at_ms: int, differences: Sequence[PolicyDifference]
    ) -> Comparison:
        ends = [
            (outcome.sizes.measured(self.unit, each.lower), outcome.sizes.measured(self.unit, each.upper))
            for each in differences
        ]
        lower, upper = (tuple([end for end in each if end is not None]) for each in zip(*ends, strict=True))
        return Comparison(opened_at_ms, outcome.ended_at_ms(differences), lower, upper)


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
