"""Market data of a symbol: candles, trades, mark prices and funding."""

from typing import Protocol

from msgspec import Struct

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.simulation.candle import Market


class MarketUnreadable(ExitBrainError):
    """Market data cannot be used; the text is one sentence that names the file, the row and what is allowed."""


class NoMarket(MarketUnreadable):
    """There is no market data for a symbol."""


class Omitted(Struct, frozen=True):
    """Something that a run left out: `where` names it, `reason` says why, both as text."""

    where: str
    reason: str


class MarketData(Protocol):
    """Load market data."""

    def market(self, symbol: str) -> Market:
        """Return all data of a symbol, the same object each time; raises MarketUnreadable or NoMarket."""
