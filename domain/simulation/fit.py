"""Whether a position and a market fit together, whatever walks the one through the other."""

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import ExitSetup


def check_fit(setup: ExitSetup, market: Market) -> None:
    """Raise InvalidValue where a position cannot be walked on a market: no candles there, intervals that do not fit."""
    market.candles.index_at(setup.opened_at_ms)
    check_intervals(setup, market)


def check_intervals(setup: ExitSetup, market: Market) -> None:
    """Raise InvalidValue where candles, lower-timeframe data or mark candles do not fit each other or the rules."""
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
                "interval of the finer candles in ms",
                lower_timeframe.interval_ms,
                f"a part of {interval}, as long as the candles",
            )
    if setup.liquidation is not None and market.mark is not None and market.mark.interval_ms != interval:
        raise InvalidValue(
            "interval of the mark candles in ms", market.mark.interval_ms, f"{interval}, as the candles"
        )


def entry_off_market(setup: ExitSetup, series: CandleSeries) -> bool | None:
    """Return whether the entry lies outside low..high of its candle, None where that candle is missing."""
    return off_market(setup.entry, setup.opened_at_ms, series)


def off_market(price: float, at_ms: int, series: CandleSeries) -> bool | None:
    """Return whether a price lies outside low..high of the candle of its time, None where there is no candle."""
    candle = series.at(at_ms)
    return None if candle is None else not candle.low <= price <= candle.high


def wrong_kind(setup: ExitSetup, series: CandleSeries) -> tuple[str, ...]:
    """Return the orders that candles of this price kind cannot trigger."""
    orders = (("stop", setup.stop_on), ("targets", setup.targets_on))
    return tuple(order for order, kind in orders if kind is not series.kind)
