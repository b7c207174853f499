"""What `whatif --candles` adds to its report: outcomes, their attribution, measures and judgement."""

from datetime import datetime

from msgspec import Struct

from exitbrain.application.ports.market import Omitted
from exitbrain.infrastructure.cli.reports import WhatIfReport


class Ends(Struct):
    """What a number lies between."""

    lower: float
    upper: float


class ResultBounds(Struct):
    """Net results over positions, the lowest and the highest that the candles allow."""

    pessimistic: float
    optimistic: float


class OutcomeSums(Struct):
    """Sums over some of the positions, each a fraction of its own entry notional."""

    positions: int
    pessimistic: float
    optimistic: float
    difference: Ends


class UnwalkedPosition(Struct):
    """A recorded position that is in no number, and why.

    `because` is `no_entry_price`, `no_candles`, `outside_candles`, `unreadable` (its market data), `unfit` (it does not
    fit the data or the rules), `refused`, `not_placeable`, `unknown_policy`, `missing_snapshot` or `off_market`.
    """

    position_id: str
    symbol: str
    opened_at: datetime
    because: str
    detail: str


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


class WorstHourOf(Struct):
    """The UTC hour in which all open positions together brought least, gross."""

    hour: datetime
    result: float


class MeasuredBound(Struct):
    """The measures of one bound; means over the positions that have the measure, null where none has.

    `hit` counts the positions that reached TP1, TP2 and TP3. `stopped` were stopped before TP1; of these `reversed`
    saw TP1 within the time they had been held (24 h at most), and of `unknown` ones the data end too early to tell.
    """

    hit: list[int]
    stopped: int
    reversed: int
    unknown: int
    mfe: Ends | None
    mae: Ends | None
    give_back: Ends | None
    mean_r: float | None
    worst_r: float | None
    worst_hour: WorstHourOf | None


class MeasuredPolicy(Struct):
    """Both bounds of a policy. `loss_at_stop` is the greatest, a share of margin; `cost_to_break_even` the mean
    distance at which an exit nets nothing. `hindsight_regret` is what the best of the family, chosen for each
    position afterwards, would have brought more.
    """

    policy: str
    pessimistic: MeasuredBound
    optimistic: MeasuredBound
    loss_at_stop: float | None
    cost_to_break_even: float | None
    hindsight_regret: Ends


class JudgementReport(Struct):
    """A verdict and what it rests on.

    `verdict` is `adopt`, `keep` or `inconclusive`; `reason` is `better`, `not_better`, `no_pairs`, `too_few_days`,
    `too_few_blocks`, `bounds_straddle_zero`, `interval_straddles_zero` or `not_superior_in_family`. `mean` and
    `interval` (at `confidence`) are of the daily sum of paired net differences; null where there are too few days.
    """

    verdict: str
    reason: str
    mean: Ends | None
    interval: Ends | None
    confidence: float
    positions: int
    days: int
    effective_days: float
    block_days: int
    resamples: int
    seed: int


class OutcomeLeg(Struct):
    """A part that closed, and how far the price had gone from the entry until then; `at` in epoch milliseconds."""

    level: str
    fraction: float
    price: float
    at: int
    mfe: Ends
    mae: Ends


class OutcomeHistory(Struct):
    """One possible history of a position; numbers are fractions of the first entry notional."""

    legs: list[OutcomeLeg]
    gross: float
    net: float
    give_back: Ends | None
    targets_hit: int
    reversed: bool | None
    r: float | None


class OutcomeOfPolicy(Struct):
    """A position under one policy: the first trigger prices and shares, and the two histories that bound all others.

    `failed_guards` are the guards on its levels that failed at any revision.
    """

    targets: list[float]
    stop: float
    shares: list[float]
    revisions: int
    failed_guards: list[str]
    pessimistic: OutcomeHistory
    optimistic: OutcomeHistory
    ambiguous: bool
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


class OutcomePosition(Struct):
    """A recorded position under the baseline and the candidate, and the bounds of their difference."""

    position_id: str
    symbol: str
    side: str
    entry_price: float
    opened_at: datetime
    entry_off_market: bool | None
    prices: list[PriceOnMarket]
    holes: int
    baseline: OutcomeOfPolicy
    candidate: OutcomeOfPolicy
    difference: Ends
    attribution: AttributedEnds


class OutcomeAssumed(Struct):
    """A default that stood in for something not given."""

    field: str
    value: str
    why: str


class Outcome(Struct):
    """Recorded positions under a candidate policy on market data, open loop: every recorded input is held fixed.

    `difference` is candidate minus baseline. `without_holes` leaves out positions that crossed missing candles,
    `closed` those of which a rest is still open at the end of the data, `without_failed_guards` those of which a guard
    on the levels failed under either policy. `with_off_market` and `without_off_market` hold the positions with and
    without those that have a recorded price outside the candle of its time: `off_market` many, of which the other
    numbers know nothing unless `--include-off-market` is given. `off_market_unknown` counts the positions that have a
    recorded price without a candle. `data_left_out` names market data that could not be used, `remarks` says what was
    assumed of files, or passed over in them.
    """

    policy: str
    baseline_policy: str
    positions: int
    pessimistic: float
    optimistic: float
    baseline: ResultBounds
    difference: Ends
    ambiguous: int
    holes: int
    still_open: int
    without_holes: OutcomeSums
    closed: OutcomeSums
    without_failed_guards: OutcomeSums
    off_market: int
    off_market_unknown: int
    with_off_market: OutcomeSums
    without_off_market: OutcomeSums
    attribution: AttributedEnds
    measures: list[MeasuredPolicy]
    judgement: JudgementReport
    details: list[OutcomePosition]
    left_out: list[UnwalkedPosition]
    assumptions: list[OutcomeAssumed]
    open_loop: bool
    data_left_out: list[Omitted]
    remarks: list[str]


class FamilyMember(Struct):
    """One policy of a family; `superior` says whether StepM counts it as better with all the others in view.

    The sums are those of `Outcome`.
    """

    policy: str
    pessimistic: float
    optimistic: float
    difference: Ends
    ambiguous: int
    holes: int
    without_failed_guards: OutcomeSums
    with_off_market: OutcomeSums
    without_off_market: OutcomeSums
    hindsight_regret: Ends
    superior: bool
    judgement: JudgementReport


class WalkForwardFold(Struct):
    """A test span of whole UTC days, `from_day` to before `until_day`, and what was chosen for it from before it.

    `policy` is null where nothing was left to learn from; `training`, `purged` and `embargoed` count positions.
    """

    from_day: datetime
    until_day: datetime
    training: int
    purged: int
    embargoed: int
    test: int
    policy: str | None


class WalkForwardReport(Struct):
    """Choosing the best of the past, span by span, judged on what followed."""

    folds: list[WalkForwardFold]
    judgement: JudgementReport


class FamilyOutcome(Struct):
    """A family of policies against one baseline on the same positions, open loop.

    `p_value` is how often the best of a family without any merit looks at least as good (SPA); null where there are
    too few days to ask.
    """

    baseline_policy: str
    baseline: ResultBounds
    baseline_hindsight_regret: Ends
    positions: int
    off_market: int
    off_market_unknown: int
    p_value: float | None
    policies: list[FamilyMember]
    walk_forward: WalkForwardReport
    left_out: list[UnwalkedPosition]
    assumptions: list[OutcomeAssumed]
    open_loop: bool
    data_left_out: list[Omitted]
    remarks: list[str]


class WhatIfWithOutcomes(WhatIfReport, omit_defaults=True, kw_only=True):
    """What policies would have changed, and with `--candles` the `outcome` of one policy or that of the `family`."""

    outcome: Outcome | None = None
    family: FamilyOutcome | None = None
