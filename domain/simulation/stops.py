"""The stop in force after k targets, and the rules that move it; a stop never loosens.

A moved stop is rounded toward the entry on the tick grid, if the tick is known.

The stop after k targets is the tighter of the resting stop (SL, or break-even after the first filled target)
and the trailed price. The trailed price depends only on market prices: the best price since the entry, M,
only improves, so M*(1 - d*x) does too, and activation is permanent. So all histories share one trailed price,
the stop of a history depends only on its k, and merging histories of equal k loses nothing.

If the liquidation price is nearer than the stop, it replaces the stop; it may be further away after a target.

Only an entry inside a candle makes M uncertain, because the candle's best price may lie before the entry.
Then M, and so the trailed price, lies between two ends, `loose` and `tight`, until a later candle goes
beyond. Otherwise both are equal.
"""

from msgspec import Struct

from exitbrain.domain.simulation.exit_setup import ExitSetup, Trailing
from exitbrain.domain.simulation.ladder import Ladder
from exitbrain.domain.simulation.outcome import LegLevel


class Stop(Struct, frozen=True):
    """A price at which everything open closes, and the kind of leg it makes."""

    price: float
    level: LegLevel


class Stops:
    """The stops after 0, 1, .. placed targets; stop k lies between `loose[k]` and `tight[k]`."""

    def __init__(self, setup: ExitSetup, ladder: Ladder) -> None:
        self._d = setup.side.direction
        self._setup = setup
        self._entry = setup.entry
        self._trailing = setup.rules.trailing
        self._resting = self._at_rest(setup, ladder)
        self._liquidated_at = self._liquidations(setup, ladder)
        # The best price since the entry is at least the first and at most the second.
        self.best_known = self._best_possible = setup.entry
        self.may_trail = self._trailing is not None
        self._trailed: tuple[float | None, float | None] = (None, None)
        self._rebuild()

    def continued(self, filled: int, setup: ExitSetup, ladder: Ladder) -> "Stops":
        """Return the stops of new levels for histories after `filled` targets; none is looser than before."""
        stops, held = Stops(setup, ladder), self._resting[filled]
        stops._resting = [stops._tighter(rest, held) for rest in stops._resting]
        stops.best_known, stops._best_possible = self.best_known, self._best_possible
        stops._trailed = self._trailed
        stops._rebuild()
        return stops

    @property
    def uncertain(self) -> bool:
        """Return whether the trailed price is only known to lie between two ends."""
        return self._trailed[0] != self._trailed[1]

    def see(self, favourable: float, known: float) -> None:
        """Note the best price that a candle may have had since the entry, and the best it certainly had."""
        if self._d * (favourable - self._best_possible) > 0:
            self._best_possible = favourable
            self.may_trail = self._trailing is not None
        if self._d * (known - self.best_known) > 0:
            self.best_known = known
            self.may_trail = self._trailing is not None

    def trail(self) -> None:
        """Move the trailed price at the close of a rule interval."""
        if self._trailing is None or not self.may_trail:
            return
        self.may_trail = False
        known, possible = self._trailed
        trailed = (
            self._price_after(self.best_known, self._trailing, known),
            self._price_after(self._best_possible, self._trailing, possible),
        )
        if trailed != self._trailed:
            self._trailed = trailed
            self._rebuild()

    def _price_after(self, best: float, trailing: Trailing, before: float | None) -> float | None:
        # Activation is permanent, even if an increase moves the entry away from it.
        if before is not None or self._d * (best - self._entry) / self._entry >= trailing.activation:
            price = self._setup.moved_stop(best * (1 - self._d * trailing.distance))
            # Rounding changes direction at the entry, so a better price could give a stop one tick looser.
            return before if before is not None and self._d * (before - price) > 0 else price
        return None

    def _at_rest(self, setup: ExitSetup, ladder: Ladder) -> list[Stop]:
        initial = Stop(setup.stop, LegLevel.SL)
        resting = [initial] * ladder.last
        if setup.rules.break_even is None:
            return resting
        price = setup.moved_stop(setup.entry * (1 + self._d * setup.rules.break_even))
        nearer_than_target = self._d * (ladder.targets[0].price - price) > 0
        if nearer_than_target and self._d * (price - initial.price) > 0:
            resting[1:] = [Stop(price, LegLevel.BREAK_EVEN)] * (ladder.last - 1)
        return resting

    def _liquidations(self, setup: ExitSetup, ladder: Ladder) -> list[Stop]:
        if setup.liquidation is None:
            return []
        return [Stop(setup.liquidation.prices[rung], LegLevel.LIQUIDATION) for rung in ladder.rungs[:-1]]

    def _rebuild(self) -> None:
        self.loose = self._with(self._trailed[0])
        self.tight = self._with(self._trailed[1]) if self.uncertain else self.loose

    def _with(self, trailed: float | None) -> list[Stop]:
        stops = self._resting
        if trailed is not None:
            stops = [self._tighter(rest, Stop(trailed, LegLevel.TRAIL)) for rest in stops]
        if self._liquidated_at:
            stops = [self._tighter(stop, at) for stop, at in zip(stops, self._liquidated_at, strict=True)]
        return stops

    def _tighter(self, first: Stop, second: Stop) -> Stop:
        return second if self._d * (second.price - first.price) > 0 else first
