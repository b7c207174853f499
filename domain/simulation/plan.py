"""A recorded position under one policy: its first levels and the changes while it was open.

A change is in force from the first candle that opens at or after its time, because inside a candle it is
unknown which touches came before it.
"""

from math import isfinite

from msgspec import Struct

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.exit_setup import ExitSetup, LiquidationPrices
from exitbrain.domain.values import changed


class Relevelled(Struct, frozen=True):
    """The levels were computed again: they replace targets not reached and the stop, never with a looser one.

    The open part is divided among the targets ahead in proportion to the new shares. `entry` is the average
    entry price that the levels, break-even and trailing refer to; results stay fractions of the first entry
    notional.
    """

    at_ms: int
    entry: float
    targets: tuple[float, float, float]
    stop: float
    shares: tuple[float, float, float]
    liquidation: LiquidationPrices | None = None


class Reduced(Struct, frozen=True):
    """Part of the position was closed from outside; `kept` of what is open stays open (0 < kept < 1).

    Without a price it closes at the open of the candle in which it takes effect.
    """

    at_ms: int
    kept: float
    price: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.kept < 1.0:
            raise InvalidValue("part kept by a reduction", self.kept, "above 0 and below 1")
        if self.price is not None and not (self.price > 0.0 and isfinite(self.price)):
            raise InvalidValue("price of a reduction", self.price, "a finite price above 0")


class Increased(Struct, frozen=True):
    """The position grew by `added`, a fraction of its original quantity, at a price."""

    at_ms: int
    added: float
    price: float

    def __post_init__(self) -> None:
        if not (self.added > 0.0 and isfinite(self.added)):
            raise InvalidValue("part added by an increase", self.added, "above 0")
        if not (self.price > 0.0 and isfinite(self.price)):
            raise InvalidValue("price of an increase", self.price, "a finite price above 0")


Change = Relevelled | Reduced | Increased


class Plan(Struct, frozen=True):
    """A position with its first levels and its changes in time order.

    It is followed until `until_ms` at most, None for the end of the data: what is open then becomes a leg OPEN
    at the close of the last candle that ends by then. At least the candle of the entry is walked.
    """

    setup: ExitSetup
    changes: tuple[Change, ...] = ()
    until_ms: int | None = None

    def __post_init__(self) -> None:
        before = self.setup.opened_at_ms
        for change in self.changes:
            if change.at_ms < before:
                raise InvalidValue("time of a change", change.at_ms, f"{before} or later, in order")
            before = change.at_ms


def relevelled(setup: ExitSetup, change: Relevelled) -> ExitSetup:
    """Return the setup with the new levels of a change."""
    return changed(
        setup,
        entry=change.entry,
        targets=change.targets,
        stop=change.stop,
        shares=change.shares,
        liquidation=change.liquidation,
    )
