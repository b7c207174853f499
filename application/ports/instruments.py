"""Trading rules of symbols."""

from typing import Protocol

from exitbrain.domain.levels.instrument import Instrument


class Instruments(Protocol):
    """Look up the trading rules of symbols. A missing symbol never stops a decision."""

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the trading rules of a symbol, or None if unknown."""


class LiveInstruments(Instruments, Protocol):
    """Keep the latest trading rules of a venue; the caller must keep refreshing them."""

    async def refresh(self) -> None:
        """Refresh what is due, within about a second, without raising venue errors; call it every second."""

    async def close(self) -> None:
        """Release the connections."""


class NoInstruments:
    """No trading rules: decisions use distances and say what could not be checked."""

    def instrument(self, symbol: str) -> Instrument | None:
        return None
