"""Whether a position and a market fit together, whatever walks the one through the other."""

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import CandleSeries, Market
from exitbrain.domain.simulation.givens import Givens


def check_fit(givens: Givens, market: Market) -> None:
    """Raise InvalidValue where a position cannot be walked on a market: no candles there, intervals that do not fit."""
    market.candles.index_at(givens.opened_at_ms)
    check_intervals(givens, market)


def check_intervals(givens: Givens, market: Market) -> None:
    """Raise InvalidValue where candles, finer data or mark candles do not fit each other or the rules."""
    interval, rules = market.candles.interval_ms, givens.rules
    if rules.watch_closes and rules.interval_ms % interval:
        raise InvalidValue(
            "rule interval in ms",
            rules.interval_ms,
            f"the candle interval of {interval} ms, or a multiple of it",
        )
    for finer in (market.finer, *market.finer_else):
        if isinstance(finer, CandleSeries) and (
            interval % finer.interval_ms or finer.interval_ms == interval
        ):
            raise InvalidValue(
                "interval of the finer candles in ms",
                finer.interval_ms,
                f"a part of {interval}, as long as the candles",
            )
    if givens.liquidation is not None and market.mark is not None and market.mark.interval_ms != interval:
        raise InvalidValue(
            "interval of the mark candles in ms", market.mark.interval_ms, f"{interval}, as the candles"
        )


def entry_off_market(givens: Givens, series: CandleSeries) -> bool | None:
    """Return whether the entry lies outside low..high of its candle, None where that candle is missing."""
    return off_market(givens.entry, givens.opened_at_ms, series)


def off_market(price: float, at_ms: int, series: CandleSeries) -> bool | None:
    """Return whether a price lies outside low..high of the candle of its time, None where there is no candle."""
    candle = series.at(at_ms)
    return None if candle is None else not candle.low <= price <= candle.high


def wrong_kind(givens: Givens, series: CandleSeries) -> tuple[str, ...]:
    """Return the orders that candles of this price kind cannot trigger."""
    orders = (("stop", givens.stop_on), ("targets", givens.targets_on))
    return tuple(order for order, kind in orders if kind is not series.kind)
