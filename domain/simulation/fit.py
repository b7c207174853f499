"""Checks that a position and the market data fit together, for every kind of walk."""

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import ExitSetup


def check_fit(setup: ExitSetup, market: Market) -> None:
    """Raise InvalidValue if a position cannot be walked on a market: no candles, or misfit intervals."""
    market.candles.index_at(setup.opened_at_ms)
    check_intervals(setup, market)


def check_intervals(setup: ExitSetup, market: Market) -> None:
    """Raise InvalidValue if the intervals of candles, lower-timeframe data, marks and rules do not fit."""
    interval, rules = market.candles.interval_ms, setup.rules
    if rules.watch_closes and rules.interval_ms % interval:
        raise InvalidValue(
            "rule interval in ms",
            rules.interval_ms,
            f"the candle interval of {interval} ms, or a multiple of it",
        )
    for lower_timeframe in (market.lower_timeframe, *market.lower_timeframe_else):
        if isinstance(lower_timeframe, CandleSeries) and (
            interval % lower_timeframe.interval_ms or lower_timeframe.interval_ms == interval
        ):
            raise InvalidValue(
                "interval of the lower-timeframe candles in ms",
                lower_timeframe.interval_ms,
                f"a divisor of {interval}, the interval of the candles, and shorter",
            )
    if setup.liquidation is not None and market.mark is not None and market.mark.interval_ms != interval:
        raise InvalidValue(
            "interval of the mark candles in ms", market.mark.interval_ms, f"{interval}, like the candles"
        )


def entry_off_market(setup: ExitSetup, series: CandleSeries) -> bool | None:
    """Return whether the entry lies outside low..high of its candle, None if that candle is missing."""
    return off_market(setup.entry, setup.opened_at_ms, series)


def off_market(price: float, at_ms: int, series: CandleSeries) -> bool | None:
    """Return whether a price lies outside low..high of the candle at a time, None if there is no candle."""
    candle = series.at(at_ms)
    return None if candle is None else not candle.low <= price <= candle.high


def wrong_kind(setup: ExitSetup, series: CandleSeries) -> tuple[str, ...]:
    """Return the orders that are not triggered by the price kind of these candles."""
    orders = (("stop", setup.stop_on), ("targets", setup.targets_on))
    return tuple(order for order, kind in orders if kind is not series.kind)
