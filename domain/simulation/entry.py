"""Where an entry lies in its candle, and so whether the candle's open came after it."""

from enum import Enum, auto

from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.exit_setup import ExitSetup


class Entry(Enum):
    """Where the entry lies relative to a candle."""

    BEFORE = auto()
    """The position already exists when the candle opens."""
    INSIDE = auto()
    """The position is opened inside the candle."""
    UNSURE = auto()
    """Either: the time equals the open, perhaps because it was truncated, but the price does not match."""


def entry_in(setup: ExitSetup, series: CandleSeries, place: int) -> Entry:
    """Return where the entry lies relative to the candle at a place.

    An entry at the open of a candle has its open price, or the close of the candle right before it. With
    another price the entry may be anywhere in the candle.
    """
    candle = series.candles[place]
    if candle.open_time_ms != setup.opened_at_ms:
        return Entry.BEFORE if candle.open_time_ms > setup.opened_at_ms else Entry.INSIDE
    if setup.entry == candle.open:
        return Entry.BEFORE
    before = series.at(candle.open_time_ms - 1)
    return Entry.BEFORE if before is not None and setup.entry == before.close else Entry.UNSURE
