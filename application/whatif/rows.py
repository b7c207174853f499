"""Rows of the table of outcomes: one position under one policy, the policies, and the legs.

A struct inside a row stands for several columns, and its fields are in the order of these columns. What belongs to a
position is made once and shared by its rows. Times are epoch milliseconds.
"""

from msgspec import Struct

from exitbrain.domain.evidence.interval import Interval

BASELINE, AS_TRADED = 0, -1
"""The numbers of two policies; candidates count from 1 in the order asked."""

BOUNDS = ("pessimistic", "optimistic")


class TableLabel(Struct, frozen=True):
    """What holds for a whole table: the unit judged, the baseline's name, the hash of the reason table.

    `reasons` is None if no recorded close was read.
    """

    judged_unit: str
    baseline: str
    reasons: str | None


class PositionFields(Struct, frozen=True):
    """A position as recorded or given, the same under every policy; None for what is not known.

    `leverage` is None if it was assumed. `first_notional`, `committed` (K) and `at_risk` (R) are amounts of the quote
    currency.
    """

    position_id: str
    symbol: str | None
    account: str | None
    side: str | None
    opened_at_ms: int | None
    leverage: float | None
    quantity: float | None
    quote_currency: str | None
    entry_price: float | None
    closed_at_ms: int | None
    close_reason: str | None
    ended_by: str | None
    close_price: float | None
    first_notional: float | None
    committed: float | None
    at_risk: float | None


class UnitAmounts(Struct, frozen=True):
    """The result of one bound in one unit; `fees` are those of entry and exit together."""

    gross: float
    fees: float
    slippage: float
    funding: float
    net: float


class BoundFields(Struct, frozen=True):
    """One bound of a position under a policy; None for a unit or measure that it does not have.

    `net_r_own` is the net result over the money at risk with the policy's own stops. `end_at_ms` and `end_level` are
    those of the last leg.
    """

    first: UnitAmounts
    committed: UnitAmounts | None
    quote: UnitAmounts | None
    r: UnitAmounts | None
    net_r_own: float | None
    end_at_ms: int
    end_level: str
    time_in_trade_ms: int
    targets_hit: int
    mfe: Interval | None
    mae: Interval | None
    give_back: Interval | None


class DifferenceFields(Struct, frozen=True):
    """The bounds of policy minus baseline, net, in each unit."""

    first: Interval
    committed: Interval | None
    quote: Interval | None
    r: Interval | None


class WalkFields(Struct, frozen=True):
    """A position walked under one policy, or its fills as traded, whose two bounds are equal.

    `holes` counts runs of missing candles while open. `entry_off_market` is None if the candle of the entry is
    missing, `difference` if nothing was compared.
    """

    ambiguous: bool
    holes: int
    failed_guards: tuple[str, ...]
    entry_off_market: bool | None
    went_on: bool
    added_after_exit: bool
    pessimistic: BoundFields
    optimistic: BoundFields
    difference: DifferenceFields | None


class OutcomeRow(Struct, frozen=True):
    """One position under one policy.

    `counted` says whether it is in the totals; if not, `left_out` gives the reason. `walk` is None if it was not
    walked.
    """

    position: PositionFields
    policy: int
    counted: bool
    left_out: str | None
    left_out_detail: str | None
    walk: WalkFields | None


class PolicyRow(Struct, frozen=True):
    """A policy of the table; `role` is baseline, candidate or as_traded.

    `parameters` and `rules` are JSON objects as text. Levels as recorded and fills as traded have no formula, unit,
    hash or fingerprint.
    """

    number: int
    role: str
    name: str
    formula: str | None
    unit: str | None
    parameters: str
    rules: str
    parameters_hash: str | None
    fingerprint: str | None


class LegRow(Struct, frozen=True):
    """A part of a position that closed, in one bound under one policy; `number` counts from 1.

    `fraction` is of the original quantity. `traded` is the first lower-timeframe price at or beyond the level.
    """

    position_id: str
    policy: int
    bound: str
    number: int
    level: str
    fraction: float
    price: float
    at_ms: int
    refined: bool
    traded: float | None
