"""The kernel's input and output as arrays: one market, many positions, and their results."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from exitbrain.domain.simulation.candle import Market
from exitbrain.domain.simulation.exit_setup import ExitSetup, TpExecution
from exitbrain.infrastructure.lab.arrays import Codes, Doubles, Integers, Mask
from exitbrain.infrastructure.lab.walking.scan import block_highs, block_lows

NEVER = 1 << 62
"""A time in ms that no candle reaches."""

MOST_LEGS = 3

_NONE = (np.nan, np.nan, np.nan)


class Extremes(NamedTuple):
    """The data of a scan: low and high of each candle, and of each block of candles."""

    low: Doubles
    high: Doubles
    low_of_blocks: Doubles
    high_of_blocks: Doubles


class MarketColumns(NamedTuple):
    """The candles of one market, ascending; all its positions share these arrays.

    Each row of `bars` holds open, high, low and close, then the same for the mark price, or the contract's
    own where it is missing. `seen` are the extremes of both. `holes_before[i]` counts the gaps between the
    first candle and candle i, `unmarked_before[i]` the candles before i without a mark price. Funding q is
    paid in candle `funding_candle[q]`; `funding_mark` is NaN if no mark price is known at that time.
    """

    interval_ms: int
    opens_ms: Integers
    bars: Doubles
    contract: Extremes
    seen: Extremes
    holes_before: Integers
    unmarked_before: Integers
    funding_ms: Integers
    funding_candle: Integers
    funding_rate: Doubles
    funding_mark: Doubles


class SetupColumns(NamedTuple):
    """The exit setups of many positions, one row each; rates are fractions, a disabled rule is NaN or NEVER.

    `targets`, `shares` and `liquidation` have three columns; `rule_interval_ms` is 0 if no rule uses closes;
    a tick is `tick_units / tick_scale`.
    """

    opened_ms: Integers
    direction: Doubles
    entry: Doubles
    targets: Doubles
    shares: Doubles
    stop: Doubles
    fee: Doubles
    maker_fee: Doubles
    slippage: Doubles
    limit_targets: Mask
    break_even: Doubles
    activation: Doubles
    distance: Doubles
    time_stop_ms: Integers
    rule_interval_ms: Integers
    leverage: Doubles
    liquidation: Doubles
    external_ms: Integers
    external_price: Doubles
    tick_units: Doubles
    tick_scale: Doubles


class WalkColumns(NamedTuple):
    """The results, one row each; the second axis is the bound, pessimistic and optimistic.

    `legs` is the number of legs; leg arrays have MOST_LEGS on the third axis. `walked` counts the candles of
    a position's life.
    """

    legs: Codes
    level: Codes
    fraction: Doubles
    price: Doubles
    at_ms: Integers
    gross: Doubles
    exit_fees: Doubles
    slippage: Doubles
    funding: Doubles
    net: Doubles
    holes: Integers
    ambiguous: Mask
    last_end_ms: Integers
    ambiguous_candles: Integers
    mark_assumed: Mask
    walked: Integers


def market_columns(market: Market) -> MarketColumns:
    """Return the arrays of a market, without its lower-timeframe data."""
    series = market.candles
    opens = np.array(series.opens_ms, dtype=np.int64)
    contract = _doubles([(c.open, c.high, c.low, c.close) for c in series.candles])
    mark, unmarked = _mark_candles(market, opens, contract)
    due = _times([rate.minute_ms for rate in market.funding])
    marks = [None if market.mark is None else market.mark.at(at) for at in due.tolist()]
    return MarketColumns(
        interval_ms=series.interval_ms,
        opens_ms=opens,
        bars=np.concatenate((contract, mark), axis=1),
        contract=_extremes(contract[:, 2].copy(), contract[:, 1].copy()),
        seen=_extremes(np.minimum(contract[:, 2], mark[:, 2]), np.maximum(contract[:, 1], mark[:, 1])),
        holes_before=_running(np.diff(opens) > series.interval_ms),
        unmarked_before=_running(unmarked),
        funding_ms=due,
        funding_candle=np.searchsorted(opens, due - series.interval_ms, side="right"),
        funding_rate=_doubles([rate.rate for rate in market.funding]),
        funding_mark=_doubles([np.nan if at is None else at.open for at in marks]),
    )


def setup_columns(positions: Sequence[ExitSetup]) -> SetupColumns:
    """Return the arrays of many exit setups."""
    rules = [g.rules for g in positions]
    costs = [g.costs for g in positions]
    trailing = [rule.trailing for rule in rules]
    liquidations = [g.liquidation for g in positions]
    external = [g.external for g in positions]
    ticks = [g.tick for g in positions]
    return SetupColumns(
        opened_ms=_times([g.opened_at_ms for g in positions]),
        direction=_doubles([g.side.direction for g in positions]),
        entry=_doubles([g.entry for g in positions]),
        targets=_doubles([g.targets for g in positions]).reshape(-1, 3),
        shares=_doubles([g.shares for g in positions]).reshape(-1, 3),
        stop=_doubles([g.stop for g in positions]),
        fee=_doubles([cost.fee_rate for cost in costs]),
        maker_fee=_doubles([cost.maker_fee_rate for cost in costs]),
        slippage=_doubles([cost.slippage_rate for cost in costs]),
        limit_targets=np.array([g.tp_execution is TpExecution.LIMIT for g in positions], dtype=np.bool_),
        break_even=_doubles([np.nan if rule.break_even is None else rule.break_even for rule in rules]),
        activation=_doubles([np.nan if one is None else one.activation for one in trailing]),
        distance=_doubles([np.nan if one is None else one.distance for one in trailing]),
        time_stop_ms=_times([NEVER if rule.time_stop_ms is None else rule.time_stop_ms for rule in rules]),
        rule_interval_ms=_times([rule.interval_ms if rule.watch_closes else 0 for rule in rules]),
        leverage=_doubles([np.nan if one is None else one.leverage for one in liquidations]),
        liquidation=_doubles([_NONE if one is None else one.prices for one in liquidations]).reshape(-1, 3),
        external_ms=_times([NEVER if one is None else one.at_ms for one in external]),
        external_price=_doubles([np.nan if one is None else one.price for one in external]),
        tick_units=_doubles([np.nan if one is None else one.units for one in ticks]),
        tick_scale=_doubles([np.nan if one is None else one.scale for one in ticks]),
    )


def empty_walks(rows: int) -> WalkColumns:
    """Return empty arrays for the results of this many positions."""
    bounds, legs = (rows, 2), (rows, 2, MOST_LEGS)
    return WalkColumns(
        legs=np.zeros(bounds, dtype=np.int8),
        level=np.zeros(legs, dtype=np.int8),
        fraction=np.zeros(legs),
        price=np.zeros(legs),
        at_ms=np.zeros(legs, dtype=np.int64),
        gross=np.zeros(bounds),
        exit_fees=np.zeros(bounds),
        slippage=np.zeros(bounds),
        funding=np.zeros(bounds),
        net=np.zeros(bounds),
        holes=np.zeros(bounds, dtype=np.int64),
        ambiguous=np.zeros(rows, dtype=np.bool_),
        last_end_ms=np.zeros(rows, dtype=np.int64),
        ambiguous_candles=np.zeros(rows, dtype=np.int64),
        mark_assumed=np.zeros(rows, dtype=np.bool_),
        walked=np.zeros(rows, dtype=np.int64),
    )


def _mark_candles(market: Market, opens: Integers, contract: Doubles) -> tuple[Doubles, Mask]:
    """Return the mark candle of each candle, or the contract's own, and a mask of the missing ones."""
    if market.mark is None:
        return contract, np.ones(len(opens), dtype=np.bool_)
    marks = [market.mark.at(at) for at in opens.tolist()]
    unmarked = np.array([one is None for one in marks], dtype=np.bool_)
    rows = [(np.nan,) * 4 if one is None else (one.open, one.high, one.low, one.close) for one in marks]
    return np.where(unmarked[:, None], contract, _doubles(rows)), unmarked


def _extremes(low: Doubles, high: Doubles) -> Extremes:
    return Extremes(low, high, block_lows(low), block_highs(high))


def _running(counted: Mask) -> Integers:
    """Return the number of true values before each place and after the last."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counted, dtype=np.int64)))


def _doubles(values: Sequence[object]) -> Doubles:
    return np.array(values, dtype=np.float64)


def _times(values: Sequence[int]) -> Integers:
    return np.array(values, dtype=np.int64)
