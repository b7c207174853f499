"""Plans: a recorded position's first levels under one policy, and the changes while it was open."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.application.simulation.positions import Terms, at_venue, setup_of
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.levels.guard_rules import ON_THE_LEVELS
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.plans.decision import JudgedLevels
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.positions.events import PositionIncreased, PositionReduced
from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.exit_setup import ExitSetup, ExternalClose
from exitbrain.domain.simulation.plan import Change, Increased, Plan, Reduced, Relevelled
from exitbrain.domain.values import DECIMAL, Assumption, changed, ms_of, plain


class LeftOutBecause(StrEnum):
    """Why a position is left out of the figures: it cannot be simulated, has an off-market price, or no result in
    the unit that is judged.
    """

    NO_ENTRY_PRICE = "no_entry_price"
    NO_CANDLES = "no_candles"
    OUTSIDE_CANDLES = "outside_candles"
    UNREADABLE = "unreadable"
    UNFIT = "unfit"
    REFUSED = "refused"
    UNKNOWN_POLICY = "unknown_policy"
    MISSING_SNAPSHOT = "missing_snapshot"
    NOT_PLACEABLE = "not_placeable"
    OFF_MARKET = "off_market"
    NO_QUANTITY = "no_quantity"
    NO_RISK = "no_risk"


class NotWalked(ExitBrainError):
    """A position cannot be walked and is left out."""

    def __init__(self, because: LeftOutBecause, detail: str) -> None:
        super().__init__(because, detail)
        self.because = because
        self.detail = detail


class LevelsOf(Struct, frozen=True):
    """Computes the levels of a recorded decision under a policy."""

    name: str
    levels: Callable[[Decision], JudgedLevels]
    instrument: Callable[[Decision], Instrument | None]


class Planned(Struct, frozen=True):
    """A plan with every recorded change and no end, the receipts of its reductions in order, and the guards on the
    levels that failed at any revision.
    """

    plan: Plan
    reductions: tuple[UUID, ...]
    failed_guards: tuple[str, ...]


def plan_of(
    position: RecordedPosition, terms: Terms, levels: LevelsOf, assumptions: dict[Assumption, None]
) -> Planned:
    """Return the plan of a position; adds to `assumptions`.

    Raises NotWalked if the policy gives no first levels, or levels of which no slice can be placed.
    """
    planning = _Planning(position, terms, levels, assumptions)
    plan = planning.plan()
    failed = tuple(guard for guard in ON_THE_LEVELS if guard in planning.failed_guards)
    return Planned(plan, tuple(planning.reductions), failed)


def recorded_close(
    position: RecordedPosition, candles: CandleSeries, assumptions: dict[Assumption, None]
) -> ExternalClose | None:
    """Return the recorded close; None if the position is open, or the data end before a close without a price."""
    closed = position.closed
    if closed is None:
        return None
    opened_ms = ms_of(position.opened_at)
    at_ms = max(opened_ms, ms_of(closed.stamp.occurred_at))
    if closed.exit_price is not None:
        return ExternalClose(at_ms, float(closed.exit_price))
    if at_ms >= candles.end_ms:
        return None
    assumptions[Assumption("exit_price", "open of its candle", "the recorded close names none")] = None
    return ExternalClose(at_ms, candles.candles[candles.index_at(at_ms)].open)


class _Planning:
    """Turns a recorded position into a plan under one policy."""

    def __init__(
        self,
        position: RecordedPosition,
        terms: Terms,
        levels: LevelsOf,
        assumptions: dict[Assumption, None],
    ) -> None:
        self._position = position
        self._terms = terms
        self._levels = levels
        self._assumptions = assumptions
        self._opened_ms = ms_of(position.opened_at)
        self.failed_guards: set[str] = set()
        self.reductions: list[UUID] = []

    def plan(self) -> Plan:
        """Return the plan; see `plan_of`."""
        first: ExitSetup | None = None
        changes: list[Change] = []
        at_ms = self._opened_ms
        for at, step in self._position.steps:
            at_ms = max(at_ms, ms_of(at))  # a message may state an earlier time; the log order decides
            if isinstance(step, PositionIncreased | PositionReduced):
                changes += self._resized(at_ms, step)
                continue
            setup = self._setup(step)
            if setup is None:
                continue
            if first is None:
                first = setup
            else:
                changes.append(
                    Relevelled(
                        at_ms=at_ms,
                        entry=setup.entry,
                        targets=setup.targets,
                        stop=setup.stop,
                        shares=setup.shares,
                        liquidation=setup.liquidation,
                    )
                )
        if first is None:
            raise NotWalked(LeftOutBecause.REFUSED, f"{self._levels.name} gives it no levels")
        return Plan(first, tuple(changes))

    def _setup(self, decision: Decision) -> ExitSetup | None:
        """Return the levels of a revision; None if it has none, so that the previous ones stay in force."""
        levels = self._levels.levels(decision)
        if levels.raw.refusal is not None or levels.triggers is None:
            return None
        if not levels.guards.placeable:
            quantity = "" if decision.inputs.quantity is None else plain(decision.inputs.quantity)
            detail = f"{self._levels.name} can place no slice of {quantity} at revision {decision.revision}"
            raise NotWalked(LeftOutBecause.NOT_PLACEABLE, detail)
        self.failed_guards.update(levels.guards.failed_on_levels)
        inputs = self._with_walked_costs(decision.inputs)
        assumed: list[Assumption] = []
        setup = setup_of(self._opened_ms, inputs, levels, self._terms, assumed)
        setup = at_venue(setup, inputs, self._levels.instrument(decision), assumed)
        self._assumptions.update(dict.fromkeys(assumed))
        return setup

    def _with_walked_costs(self, inputs: LevelInputs) -> LevelInputs:
        fee, slippage = self._terms.fee_bps, self._terms.slippage_bps
        return changed(
            inputs,
            fee_bps=inputs.fee_bps if fee is None else fee,
            slippage_bps=inputs.slippage_bps if slippage is None else slippage,
        )

    def _resized(self, at_ms: int, step: PositionIncreased | PositionReduced) -> Iterator[Change]:
        original = self._position.quantity
        match step:
            case PositionReduced(by=by, quantity=rest) if by is not None and rest is not None:
                if step.exit_price is None:
                    self._assume("reduction_price", "open of its candle", "the record knows none")
                closed_at = None if step.exit_price is None else float(step.exit_price)
                self.reductions.append(step.stamp.cause_id)
                yield Reduced(at_ms, float(DECIMAL.divide(rest, DECIMAL.add(rest, by))), closed_at)
            case PositionIncreased(added_price=price, added_quantity=added) if (
                price is not None and added is not None and original is not None
            ):
                yield Increased(at_ms, float(DECIMAL.divide(added, original)), float(price))
            case _:
                self._assume("quantity", "unchanged", "the record knows no amount, or no price, of a change")

    def _assume(self, field: str, value: str, why: str) -> None:
        self._assumptions[Assumption(field, value, why)] = None
