"""Lower-timeframe candles or trades inside a candle: they give the order and time of touches, never a price.

They are used only if they add up to the candle: complete, with the same extremes and close. Then every
history they allow is one that the candle allows, so they can only narrow the bounds. With an entry inside the
candle only the rest counts, starting with the lower-timeframe candle of the entry. If the entry may be at the
open or inside, the first lower-timeframe candle decides in the same way; trades cannot decide it.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from exitbrain.domain.simulation.bar_moves import Bar
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Due, Market, Trade, TradeSeries
from exitbrain.domain.simulation.entry import Entry, entry_in
from exitbrain.domain.simulation.exit_setup import ExitSetup


class LowerTimeframeBars(Struct, frozen=True):
    """The lower-timeframe bars of one candle, each `interval_ms` long (trades: 0).

    `entry` is where the entry lies relative to the first.
    """

    bars: tuple[Bar, ...]
    interval_ms: int
    entry: Entry

    def with_funding(self, dues: Sequence[Due]) -> Iterator[tuple[Bar, Sequence[Due], Sequence[Due]]]:
        """Yield each bar with the funding due before it and inside it; the rest is due after the last bar."""
        for bar in self.bars:
            before = len([due for due in dues if due.at_ms <= bar.at_ms])
            until = len([due for due in dues if due.at_ms < max(bar.at_ms + self.interval_ms, bar.at_ms + 1)])
            yield bar, dues[:before], dues[before:until]
            dues = dues[until:]


def lower_timeframe_bars(
    market: Market, setup: ExitSetup, candle: Candle, bar: Bar, entry: Entry
) -> LowerTimeframeBars | None:
    """Return the lower-timeframe bars from the entry on, of the first data that add up, else None."""
    for lower_timeframe in (market.lower_timeframe, *market.lower_timeframe_else):
        assert lower_timeframe is not None
        found = _lower_timeframe_bars(lower_timeframe, market, setup, candle, bar, entry)
        if found is not None:
            return found
    return None


def _lower_timeframe_bars(
    lower_timeframe: CandleSeries | TradeSeries,
    market: Market,
    setup: ExitSetup,
    candle: Candle,
    bar: Bar,
    entry: Entry,
) -> LowerTimeframeBars | None:
    end_ms = candle.open_time_ms + market.candles.interval_ms
    from_ms = candle.open_time_ms
    if isinstance(lower_timeframe, CandleSeries):
        if entry is Entry.INSIDE:
            from_ms += (
                (setup.opened_at_ms - from_ms) // lower_timeframe.interval_ms * lower_timeframe.interval_ms
            )
        parts = lower_timeframe.between(from_ms, end_ms)
        if len(parts) != (end_ms - from_ms) // lower_timeframe.interval_ms:
            return None
    elif entry is Entry.UNSURE:
        return None
    else:
        parts = [
            _as_candle(trade) for trade in lower_timeframe.between(max(from_ms, setup.opened_at_ms), end_ms)
        ]
    if not parts or not _adds_up(parts, candle, rest=entry is Entry.INSIDE):
        return None
    if entry is not Entry.BEFORE and isinstance(lower_timeframe, CandleSeries):
        entry = entry_in(setup, lower_timeframe, lower_timeframe.index_at(from_ms))
    else:
        entry = Entry.BEFORE  # the trades begin at or after the entry
    direction = setup.side.direction
    bars = tuple(_bar(part, bar, market, direction) for part in parts)
    return LowerTimeframeBars(
        bars, lower_timeframe.interval_ms if isinstance(lower_timeframe, CandleSeries) else 0, entry
    )


def _as_candle(trade: Trade) -> Candle:
    return Candle(trade.at_ms, trade.price, trade.price, trade.price, trade.price)


def _adds_up(parts: Sequence[Candle], candle: Candle, *, rest: bool) -> bool:
    high, low = max(part.high for part in parts), min(part.low for part in parts)
    if parts[-1].close != candle.close:
        return False
    if rest:
        return candle.low <= low and high <= candle.high
    return high == candle.high and low == candle.low


def _bar(part: Candle, bar: Bar, market: Market, direction: int) -> Bar:
    long = direction > 0
    adverse, favourable = (part.low, part.high) if long else (part.high, part.low)
    if market.mark is None:
        mark = (part.open, adverse, part.close)
    else:  # the caller has checked that the mark price liquidates nothing here
        mark = (bar.mark_open, bar.mark_adverse, bar.mark_close)
    return Bar(part.open_time_ms, part.open, adverse, favourable, part.close, *mark, lower_timeframe=True)
