"""What a message meets, and what deciding it leads to."""

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
    """What a message meets: the latest position of its symbol with its plan, the register, the PnL window.

    `before` is the position that ended before an open one. `window_position` is the log position up to which the window
    was read, `uncommitted` how many results of the same transaction it holds beyond that. `snapshot_stored` says that
    the instrument snapshot is in the store, `claimed` tells who used the business keys of the message before. `held_by` is
    the account that alone holds the symbol, where it is another than that of the message.
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
    """When a message is recorded, and the settings in force; `configured` is the version of the event that keeps them."""

    recorded_at: datetime
    settings: DecisionSettings
    configured: int = 0


class Decided(Struct, frozen=True):
    """What a message leads to: the records to save in this order, the outcome, and the state after it."""

    records: tuple[Record, ...]
    outcome: MessageResult
    state: State

    @property
    def events(self) -> tuple[ExitEvent, ...]:
        """Return the events alone, in their order."""
        return tuple(record.event for record in self.records)
