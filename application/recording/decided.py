"""The state and context of a decision, and its result."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from exitbrain.application.recording.subject import Key
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.events import Record
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.plans.exit_plan import ExitPlan
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.positions.performance import PnLWindow
from exitbrain.domain.positions.position import Position

_NO_RESULTS = PnLWindow()  # shared: a window is copied before a result is added


class State(Struct, frozen=True):
    """The state for a decision: the latest position of the symbol, its plan, the register, the PnL window.

    `before` is the position that ended before the open one. `window_position` is the log position up to which
    the window was read, `uncommitted` the number of results it adds from the same transaction.
    `snapshot_stored` says that the instrument snapshot is in the store. `claimed` holds the earlier uses of
    the message's business keys. `held_by` is the only account that holds the symbol, if it is not the account
    of the message.
    """

    register: PolicyRegister
    position: Position | None = None
    plan: ExitPlan | None = None
    window: PnLWindow = _NO_RESULTS
    window_position: int = 0
    uncommitted: int = 0
    instrument: Instrument | None = None
    snapshot_stored: bool = False
    claimed: Mapping[Key, KeyClaimed] = {}
    before: Position | None = None
    held_by: str | None = None


class Context(Struct, frozen=True):
    """The time of recording and the settings in force; `configured` is the version of their event."""

    recorded_at: datetime
    settings: DecisionSettings
    configured: int = 0


class Decided(Struct, frozen=True):
    """The result of a message: the records to save, in order, the outcome, and the state after it."""

    records: tuple[Record, ...]
    outcome: MessageResult
    state: State

    @property
    def events(self) -> tuple[ExitEvent, ...]:
        """Return only the events, in order."""
        return tuple(record.event for record in self.records)
