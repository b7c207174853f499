"""What the market did: candles, trades, mark prices and funding of a symbol."""

from typing import Protocol

from msgspec import Struct

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.simulation.candle import Market


class MarketUnreadable(ExitBrainError):
    """Market data cannot be used; the text is one sentence that names the file, the row and what is allowed."""


class NoMarket(MarketUnreadable):
    """There is no market data of a symbol at all."""


class Omitted(Struct, frozen=True):
    """Something that a run goes on without: `where` names it, `reason` says why, both in words."""

    where: str
    reason: str


class MarketData(Protocol):
    """Know what the market did."""

    def market(self, symbol: str) -> Market:
        """Return everything known of a symbol, the same object each time; raises MarketUnreadable, NoMarket where there is nothing."""
