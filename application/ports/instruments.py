"""What is known of the symbols."""

from typing import Protocol

from exitbrain.domain.levels.instrument import Instrument


class Instruments(Protocol):
    """Know the trading rules of symbols. Not knowing one never stops a decision."""

    def instrument(self, symbol: str) -> Instrument | None:
        """Return what is known of a symbol, None when nothing is."""


class LiveInstruments(Instruments, Protocol):
    """Know what a venue said last; somebody has to keep asking it."""

    async def refresh(self) -> None:
        """Ask for what is due. Returns within a second or so, raises nothing that the venue does; call it every second."""

    async def close(self) -> None:
        """Release the connections."""


class NoInstruments:
    """Know nothing: decisions are made in distances and say what could not be checked."""

    def instrument(self, symbol: str) -> Instrument | None:
        return None
