"""The catalogue: every event that a record can hold. All other lists of events are derived from it."""

from typing import get_args

from exitbrain.domain.events import About
from exitbrain.domain.levels.instrument import InstrumentSnapshotTaken
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.configuration import IntakeConfigured
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import Decision, PlanEvent
from exitbrain.domain.policies.register import RegisterEvent
from exitbrain.domain.positions.position import PositionEvent
from exitbrain.domain.store import StoreEvent

ExitEvent = (
    StoreEvent
    | RegisterEvent
    | IntakeConfigured
    | MessageReceived
    | KeyClaimed
    | InstrumentSnapshotTaken
    | PositionEvent
    | PlanEvent
)
"""Any event of the record. The type checker finds a missing case in a `match` that ends in `assert_never`."""

EVENT_CLASSES: tuple[type[ExitEvent], ...] = get_args(ExitEvent)
"""The same events as classes, in the order of the documentation."""


def topics_about(*subjects: About) -> tuple[str, ...]:
    """Return the topics of the events about any of these subjects."""
    return tuple(cls.TOPIC for cls in EVENT_CLASSES if cls.ABOUT in subjects)


DECISION_TOPICS: tuple[str, ...] = tuple(cls.TOPIC for cls in get_args(Decision))
PUBLISHED_TOPICS = tuple(cls.TOPIC for cls in EVENT_CLASSES if cls.PUBLISHED_AS)
BEGINNING_TOPICS = topics_about(About.STORE, About.RECEIPT)
"""The topics of events that are never caused by the message before them in the log."""
