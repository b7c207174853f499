"""A host that tells every event apart: a type checker finds out when it forgets one."""

from typing import assert_never

from exitbrain import (
    CloseReported,
    EpochRaised,
    ExitBrain,
    ExitEvent,
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    InstrumentSnapshotTaken,
    IntakeConfigured,
    KeyClaimed,
    LevelsComputed,
    LevelsRefused,
    LeverageChanged,
    MessageReceived,
    PolicyActivated,
    PolicyRegistered,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
    Record,
    StoreOpened,
    decode_event,
    encode_event,
)


def told(event: ExitEvent) -> str:
    """Return what a host would tell of an event."""
    match event:
        case StoreOpened() | EpochRaised() | IntakeConfigured():
            return f"the store: {event}"
        case PolicyRegistered() | PolicyActivated():
            return f"policy {event.name}"
        case MessageReceived():
            return f"{event.source} {event.entry_id}: {event.disposition}"
        case KeyClaimed():
            return f"key {event.value}"
        case InstrumentSnapshotTaken():
            return event.instrument.symbol
        case PositionOpened() | PositionClosed():
            return event.symbol
        case PositionIncreased() | LeverageChanged() | PositionReduced():
            return f"changed by {event.stamp.cause_id}"
        case CloseReported():
            return event.order_id
        case ExitPlanOpened() | LevelsComputed() | LevelsRefused():
            return f"the plan of {event.position_id}"
        case ExitPlanResized():
            return f"resized to {event.quantity}"
        case ExitPlanCompleted() | ExitPlanCancelled():
            return event.reason
        case _:
            assert_never(event)


def told_of(brain: ExitBrain) -> list[str]:
    """Return what a host would tell of a record."""
    return [told(entry.event) for entry in brain.ledger.log()]


def told_again(record: Record) -> str:
    """Return the same of an event that the host has stored itself."""
    topic, state = encode_event(record)
    return told(record.event) + told(decode_event(topic, state, log_position=1))
