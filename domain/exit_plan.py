"""ExitPlan: the levels that protect one position, through all revisions, until completed or cancelled."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.aggregate import Aggregate, Stamp
from exitbrain.domain.decision import DecisionContext, JudgedLevels
from exitbrain.domain.errors import WrongState
from exitbrain.domain.identity import plan_id
from exitbrain.domain.levels import TARGETS, LevelInputs
from exitbrain.domain.policy import PolicyRef
from exitbrain.domain.position import Position
from exitbrain.domain.values import DECIMAL, Assumption, Cause, Side


class ExitPlanOpened(Struct, frozen=True):
    """A position got its plan; `quantity` is what the harvest fractions refer to (None: unknown)."""

    TOPIC: ClassVar[str] = "exitbrain.ExitPlanOpened"

    position_id: UUID
    account: str
    symbol: str
    side: Side
    quantity: Decimal | None
    stamp: Stamp


class Revised(Struct, frozen=True):
    """The part of a level computation that the state of the plan is made of.

    `quantity` is what the harvest fractions refer to; `harvest` is None where the levels were refused.
    """

    revision: int
    quantity: Decimal | None
    harvest: tuple[float, float, float] | None


def revised_by(revision: int, inputs: LevelInputs, levels: JudgedLevels) -> Revised:
    """Return what the state of a plan takes from a decision with these inputs and this outcome."""
    return Revised(revision, inputs.quantity, levels.raw.harvest if levels.raw.refusal is None else None)


class _LevelDecision(Revised, frozen=True):
    cause: Cause
    causes: tuple[UUID, ...]
    position_id: UUID
    account: str
    symbol: str
    policy: PolicyRef
    engine: str
    inputs: LevelInputs
    context: DecisionContext
    assumptions: tuple[Assumption, ...]
    levels: JudgedLevels


class LevelsComputed(_LevelDecision, frozen=True):
    """Levels were computed: inputs, context, policy, the engine by name, outputs, what bound, how the guards judged."""

    TOPIC: ClassVar[str] = "exitbrain.LevelsComputed"


class LevelsRefused(_LevelDecision, frozen=True):
    """The policy refused to give levels; `levels.raw.refusal` says why. The levels before stay in force."""

    TOPIC: ClassVar[str] = "exitbrain.LevelsRefused"


Decision = LevelsComputed | LevelsRefused


class Leg(Struct, frozen=True):
    """What a target not yet reached is to close: a share of what is open, and that quantity where known."""

    level: str
    share: float
    quantity: Decimal | None


class ExitPlanResized(Struct, frozen=True):
    """The position became smaller and the legs not yet reached share the rest in proportion to their fractions."""

    TOPIC: ClassVar[str] = "exitbrain.ExitPlanResized"

    quantity: Decimal | None
    legs: tuple[Leg, ...]
    stamp: Stamp


class ExitPlanCompleted(Struct, frozen=True):
    """The position was closed in the market; the plan has nothing left to protect."""

    TOPIC: ClassVar[str] = "exitbrain.ExitPlanCompleted"

    reason: str
    stamp: Stamp


class ExitPlanCancelled(Struct, frozen=True):
    """The plan was given up because its position was ended by an intent."""

    TOPIC: ClassVar[str] = "exitbrain.ExitPlanCancelled"

    reason: str
    stamp: Stamp


PlanEvent = (
    ExitPlanOpened
    | LevelsComputed
    | LevelsRefused
    | Revised
    | ExitPlanResized
    | ExitPlanCompleted
    | ExitPlanCancelled
)


class ExitPlan(Aggregate):
    """The plan of one position; its version guards the position too, since each change appends to both."""

    __slots__ = ("harvest", "is_open", "position_id", "quantity", "revision")

    position_id: UUID
    quantity: Decimal | None
    harvest: tuple[float, float, float] | None
    revision: int
    is_open: bool

    @classmethod
    def open(cls, position: Position, stamp: Stamp) -> "ExitPlan":
        """Open the plan of a position."""
        plan = cls(plan_id(position.id))
        plan._emit(
            ExitPlanOpened(
                position_id=position.id,
                account=position.account,
                symbol=position.symbol,
                side=position.side,
                quantity=position.quantity,
                stamp=stamp,
            )
        )
        return plan

    def revise(self, decision: Decision) -> None:
        """Keep a level computation as the next revision."""
        self._check_open()
        if decision.revision != self.revision + 1:
            raise WrongState(
                f"plan {self.id} is at revision {self.revision}; {decision.revision} can not follow"
            )
        self._emit(decision)

    def resize(self, quantity: Decimal | None, stamp: Stamp) -> None:
        """Share what is left of the position over the legs not yet reached."""
        self._check_open()
        self._emit(ExitPlanResized(quantity, self._legs(quantity), stamp))

    def complete(self, reason: str, stamp: Stamp) -> None:
        """End the plan because the position was closed in the market."""
        self._check_open()
        self._emit(ExitPlanCompleted(reason, stamp))

    def cancel(self, reason: str, stamp: Stamp) -> None:
        """End the plan because an intent ended its position."""
        self._check_open()
        self._emit(ExitPlanCancelled(reason, stamp))

    def apply(self, event: PlanEvent) -> None:
        match event:
            case Revised():
                self.revision = event.revision
                self.quantity = event.quantity
                if event.harvest is not None:
                    self.harvest = event.harvest
            case ExitPlanOpened():
                self.position_id = event.position_id
                self.quantity = event.quantity
                self.harvest = None
                self.revision = 0
                self.is_open = True
            case ExitPlanResized():
                self.quantity = event.quantity
            case ExitPlanCompleted() | ExitPlanCancelled():
                self.is_open = False

    def copy(self) -> "ExitPlan":
        """Return an independent one in the same state, so that a decision can be tried on it."""
        twin = ExitPlan(self.id)
        twin.version = self.version
        twin.pending = self.pending.copy()
        twin.harvest = self.harvest
        twin.is_open = self.is_open
        twin.position_id = self.position_id
        twin.quantity = self.quantity
        twin.revision = self.revision
        return twin

    def _legs(self, quantity: Decimal | None) -> tuple[Leg, ...]:
        """Share a quantity over the targets with a share; the last leg takes what rounding leaves."""
        if self.harvest is None:
            return ()
        shares = [each for each in zip(TARGETS, self.harvest, strict=True) if each[1] > 0.0]
        rest = quantity
        legs = []
        for level, share in shares:
            part = None
            if quantity is not None and rest is not None:
                last = level == shares[-1][0]
                part = rest if last else DECIMAL.multiply(quantity, Decimal(repr(share)))
                rest = DECIMAL.subtract(rest, part)
            legs.append(Leg(level, share, part))
        return tuple(legs)

    def _check_open(self) -> None:
        if not self.is_open:
            raise WrongState(f"plan {self.id} has ended")
