"""CombinedInstruments: one source beside another, field by field."""

from typing import Any

from exitbrain.application.ports.instruments import Instruments
from exitbrain.domain.levels.instrument import Instrument


class CombinedInstruments:
    """Take each field from the first source, else from the second."""

    def __init__(self, first: Instruments, second: Instruments) -> None:
        self._first = first
        self._second = second
        self._merged: dict[str, tuple[Instrument, Instrument, Instrument]] = {}

    def instrument(self, symbol: str) -> Instrument | None:
        """Return what the two know of a symbol together, None when neither knows it."""
        first, second = self._first.instrument(symbol), self._second.instrument(symbol)
        if first is None or second is None:
            return first or second
        known = self._merged.get(symbol)
        if known is None or known[0] is not first or known[1] is not second:
            known = self._merged[symbol] = (first, second, merged(first, second))
        return known[2]


def merged(*parts: Instrument) -> Instrument:
    """Return an instrument that takes each field from the first part that knows it."""

    def first_known(field: str) -> Any:
        return next((value for part in parts if (value := getattr(part, field)) not in (None, ())), None)

    return Instrument(
        parts[0].symbol,
        tick_size=first_known("tick_size"),
        step_size=first_known("step_size"),
        min_notional=first_known("min_notional"),
        taker_fee_bps=first_known("taker_fee_bps"),
        brackets=first_known("brackets") or (),
    )
