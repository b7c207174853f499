"""Where an entry lies in its candle, and so whether the open of the candle came after it."""

from enum import Enum, auto

from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.exit_setup import ExitSetup


class Entry(Enum):
    """Where the entry lies, as seen from a candle."""

    BEFORE = auto()
    """The position exists when the candle opens."""
    INSIDE = auto()
    """The position is opened inside the candle."""
    UNSURE = auto()
    """Either of them: the time is that of the open, which may have been cut to it, and the price says otherwise."""


def entry_in(setup: ExitSetup, series: CandleSeries, place: int) -> Entry:
    """Return where the entry lies, seen from the candle at a place.

    At the open of a candle the price is its open, or the close of the candle right before it. With another price the
    entry may lie anywhere in the candle.
    """
    candle = series.candles[place]
    if candle.open_time_ms != setup.opened_at_ms:
        return Entry.BEFORE if candle.open_time_ms > setup.opened_at_ms else Entry.INSIDE
    if setup.entry == candle.open:
        return Entry.BEFORE
    before = series.at(candle.open_time_ms - 1)
    return Entry.BEFORE if before is not None and setup.entry == before.close else Entry.UNSURE
