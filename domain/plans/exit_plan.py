"""The exit plan: the levels that protect a position, through all revisions, until completed or cancelled."""

from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.errors import WrongState
from exitbrain.domain.events import About, Aggregate, Event, Stamp
from exitbrain.domain.identity import plan_id
from exitbrain.domain.levels.levels import TARGETS, LevelInputs, Price, Slice, Triggers
from exitbrain.domain.plans.decision import DecisionContext, JudgedLevels
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.positions.position import Position
from exitbrain.domain.values import DECIMAL, Assumption, Cause, Side


class ExitPlanOpened(Event, frozen=True):
    """The plan of a position was opened; the harvest fractions refer to `quantity` (None: unknown)."""

    TOPIC = "exitbrain.ExitPlanOpened"
    LABEL = "plan opened"
    ABOUT = About.PLAN

    position_id: UUID
    account: str
    symbol: str
    side: Side
    quantity: Decimal | None
    stamp: Stamp


class _LevelDecision(Event, frozen=True):
    """The harvest fractions refer to `quantity`; `harvest` is None if the levels were refused."""

    revision: int
    quantity: Decimal | None
    harvest: tuple[float, float, float] | None
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
    """Levels were computed: inputs, context, policy, engine name, outputs, bounds and guard report."""

    TOPIC = "exitbrain.LevelsComputed"
    LABEL = "levels computed"
    ABOUT = About.PLAN
    PUBLISHED_AS = ("exitbrain.adaptive_levels", "levels_computed")


class LevelsRefused(_LevelDecision, frozen=True):
    """The policy refused to give levels; `levels.raw.refusal` says why. The previous levels stay in force."""

    TOPIC = "exitbrain.LevelsRefused"
    LABEL = "levels refused"
    ABOUT = About.PLAN
    PUBLISHED_AS = ("levels_refused",)


Decision = LevelsComputed | LevelsRefused


class PlannedExits(Struct, frozen=True, gc=False):
    """The trigger prices and the quantity per target: the part of `JudgedLevels` that a plan keeps."""

    triggers: Triggers[Price] | None
    slices: tuple[Slice, ...]


class Revised(Struct, frozen=True, gc=False):
    """The part of a decision that the state of a plan needs. Loading a plan decodes only this part."""

    revision: int
    quantity: Decimal | None
    harvest: tuple[float, float, float] | None
    policy: PolicyRef
    levels: PlannedExits


class Leg(Struct, frozen=True):
    """What a target not yet reached will close: a share of what is open, and the quantity if known."""

    level: str
    share: float
    quantity: Decimal | None


class ExitPlanResized(Event, frozen=True):
    """The position became smaller. The legs not yet reached share the rest by their fractions."""

    TOPIC = "exitbrain.ExitPlanResized"
    LABEL = "plan resized"
    ABOUT = About.PLAN

    quantity: Decimal | None
    legs: tuple[Leg, ...]
    stamp: Stamp


class ExitPlanCompleted(Event, frozen=True):
    """The position was closed in the market, so the plan has nothing left to protect."""

    TOPIC = "exitbrain.ExitPlanCompleted"
    LABEL = "plan completed"
    ABOUT = About.PLAN
    PUBLISHED_AS = ("plan_completed",)

    reason: str
    stamp: Stamp


class ExitPlanCancelled(Event, frozen=True):
    """The plan was cancelled because an intent ended its position."""

    TOPIC = "exitbrain.ExitPlanCancelled"
    LABEL = "plan cancelled"
    ABOUT = About.PLAN
    PUBLISHED_AS = ("plan_cancelled",)

    reason: str
    stamp: Stamp


PlanEvent = (
    ExitPlanOpened | LevelsComputed | LevelsRefused | ExitPlanResized | ExitPlanCompleted | ExitPlanCancelled
)

NOT_REACHED = (False, False, False)


class ExitPlan(Aggregate):
    """The plan of one position; its version guards the position too, since each change appends to both.

    `policy`, `harvest`, `triggers` and `slices` belong to the levels in force; before the first levels they
    are None or empty. A reduction empties `slices` until the next levels, because they no longer add up to
    what is open. `reached` says for each target whether it was reached.
    """

    __slots__ = (
        "harvest",
        "is_open",
        "policy",
        "position_id",
        "quantity",
        "reached",
        "revision",
        "slices",
        "triggers",
    )

    position_id: UUID
    quantity: Decimal | None
    revision: int
    policy: PolicyRef | None
    harvest: tuple[float, float, float] | None
    triggers: Triggers[Price] | None
    slices: tuple[Slice, ...]
    reached: tuple[bool, bool, bool]
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
        """Add a level computation as the next revision."""
        self._check_open()
        if decision.revision != self.revision + 1:
            raise WrongState(
                f"plan {self.id} is at revision {self.revision}; {decision.revision} cannot follow"
            )
        self._emit(decision)

    def resize(self, quantity: Decimal | None, stamp: Stamp) -> None:
        """Divide the rest of the position among the legs not yet reached."""
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

    def apply(self, event: PlanEvent | Revised) -> None:
        match event:
            case Revised() | LevelsComputed() | LevelsRefused():
                self.revision = event.revision
                self.quantity = event.quantity
                if event.harvest is not None:
                    self.policy = event.policy
                    self.harvest = event.harvest
                    self.triggers = event.levels.triggers
                    self.slices = event.levels.slices
            case ExitPlanOpened():
                self.position_id = event.position_id
                self.quantity = event.quantity
                self.revision = 0
                self.policy = self.harvest = self.triggers = None
                self.slices = ()
                self.reached = NOT_REACHED
                self.is_open = True
            case ExitPlanResized():
                self.quantity = event.quantity
                self.slices = ()
            case ExitPlanCompleted() | ExitPlanCancelled():
                self.is_open = False

    def copy(self) -> "ExitPlan":
        """Return an independent copy, so that a decision can be tried on it."""
        twin = ExitPlan(self.id)
        twin.version = self.version
        twin.pending = self.pending.copy()
        twin.harvest = self.harvest
        twin.is_open = self.is_open
        twin.policy = self.policy
        twin.position_id = self.position_id
        twin.quantity = self.quantity
        twin.reached = self.reached
        twin.revision = self.revision
        twin.slices = self.slices
        twin.triggers = self.triggers
        return twin

    def _legs(self, quantity: Decimal | None) -> tuple[Leg, ...]:
        """Divide a quantity among the targets with a share; the last leg takes the remainder of rounding."""
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
