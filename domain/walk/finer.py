"""What finer candles or trades tell of one candle: the order and time of touches, never a price.

They are used only where they add up to the candle: complete, the same extremes and close, for then every history
that they leave is one of those that the candle allows, and refinement can only narrow the bounds. Of the candle of
an entry inside it only the rest counts, from the finer candle that holds the entry on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from exitbrain.domain.walk.candle import Candle, CandleSeries, Market, Trade, TradeSeries
from exitbrain.domain.walk.touches import Bar


@dataclass(frozen=True, slots=True)
class FinerBars:
    """The finer bars of one candle; `entry_inside` says that the first holds an entry inside it."""

    bars: tuple[Bar, ...]
    entry_inside: bool


def finer_bars(
    market: Market, candle: Candle, bar: Bar, opened_at_ms: int, direction: int
) -> FinerBars | None:
    """Return the finer bars of a candle from the entry on, of the first data that add up to it; None where none do."""
    for finer in (market.finer, *market.finer_else):
        assert finer is not None
        found = _finer_bars(finer, market, candle, bar, opened_at_ms, direction)
        if found is not None:
            return found
    return None


def _finer_bars(
    finer: CandleSeries | TradeSeries,
    market: Market,
    candle: Candle,
    bar: Bar,
    opened_at_ms: int,
    direction: int,
) -> FinerBars | None:
    end_ms = candle.open_time_ms + market.candles.interval_ms
    begun = candle.open_time_ms < opened_at_ms
    if isinstance(finer, CandleSeries):
        from_ms = candle.open_time_ms
        if begun:
            from_ms += (opened_at_ms - from_ms) // finer.interval_ms * finer.interval_ms
        parts = finer.between(from_ms, end_ms)
        if len(parts) != (end_ms - from_ms) // finer.interval_ms:
            return None
    else:
        from_ms = max(candle.open_time_ms, opened_at_ms)
        parts = [_as_candle(trade) for trade in finer.between(from_ms, end_ms)]
    if not parts or not _adds_up(parts, candle, begun):
        return None
    return FinerBars(
        tuple(_bar(part, bar, market, direction) for part in parts),
        begun and parts[0].open_time_ms < opened_at_ms,
    )


def _as_candle(trade: Trade) -> Candle:
    return Candle(trade.at_ms, trade.price, trade.price, trade.price, trade.price)


def _adds_up(parts: Sequence[Candle], candle: Candle, begun: bool) -> bool:
    high, low = max(part.high for part in parts), min(part.low for part in parts)
    if parts[-1].close != candle.close:
        return False
    if begun:
        return candle.low <= low and high <= candle.high
    return high == candle.high and low == candle.low


def _bar(part: Candle, bar: Bar, market: Market, direction: int) -> Bar:
    long = direction > 0
    adverse, favourable = (part.low, part.high) if long else (part.high, part.low)
    if market.mark is None:
        mark = (part.open, adverse, part.close)
    else:  # only asked for where it touches nothing
        mark = (bar.mark_open, bar.mark_adverse, bar.mark_close)
    return Bar(part.open_time_ms, part.open, adverse, favourable, part.close, *mark, finer=True)
