"""The catalogue: every event that a record can hold, in the order in which the documentation tells of them."""

from typing import get_args

from exitbrain.domain.claim import KeyClaimed
from exitbrain.domain.configuration import IntakeConfigured
from exitbrain.domain.exit_plan import (
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.instrument import InstrumentSnapshotTaken
from exitbrain.domain.policy_register import PolicyActivated, PolicyRegistered
from exitbrain.domain.position_events import (
    CloseReported,
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
)
from exitbrain.domain.receipt import MessageReceived
from exitbrain.domain.store import EpochRaised, StoreOpened

ExitEvent = (
    StoreOpened
    | EpochRaised
    | PolicyRegistered
    | PolicyActivated
    | IntakeConfigured
    | MessageReceived
    | KeyClaimed
    | InstrumentSnapshotTaken
    | PositionOpened
    | PositionIncreased
    | LeverageChanged
    | PositionReduced
    | PositionClosed
    | CloseReported
    | ExitPlanOpened
    | LevelsComputed
    | LevelsRefused
    | ExitPlanResized
    | ExitPlanCompleted
    | ExitPlanCancelled
)
"""Any event of the record: a `match` over it that ends in `assert_never` is checked to forget none."""

EVENT_CLASSES: tuple[type[ExitEvent], ...] = get_args(ExitEvent)
"""The same as classes."""
