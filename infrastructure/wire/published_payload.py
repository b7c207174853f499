"""The base of all published payloads, and how they are made.

The shipped and documented JSON Schemas are made from the payloads. Keys may be added; changing the name or
meaning of an existing key raises `SCHEMA_VERSION`.
"""

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from typing import Annotated, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.store import StoreIdentity
from exitbrain.domain.values import Unit

SCHEMA_VERSION = 1

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in ISO 8601, UTC."""


class Destination(IntEnum):
    """The streams that payloads go to, in the order of the documentation."""

    ADAPTIVE_LEVELS = 1
    EVENTS = 2
    DEAD_LETTERS = 3


class Payload(Struct, kw_only=True):
    """The fields of every payload, and its stream."""

    GOES_TO: ClassVar[Destination] = Destination.EVENTS

    schema_version: int = SCHEMA_VERSION
    store_id: UUID
    epoch: int
    log_position: int
    recorded_at: Moment


class PayloadOfPosition(Payload, kw_only=True):
    """The fields of every payload about a position or its plan."""

    occurred_at: Moment
    account: str
    symbol: str
    position_id: UUID
    plan_id: UUID


class PublishedStore(Struct, frozen=True):
    """The store whose log is published, and what a payload needs from other events.

    `unit_of` returns the unit of a policy, `subject_of` the account and symbol of a position ended by a
    message.
    """

    identity: StoreIdentity
    unit_of: Callable[[str], Unit]
    subject_of: Callable[[UUID, MessageReceived, LogEntry], tuple[str, str]]


class EventPayloads(Struct, frozen=True):
    """Make the payloads of an event class, one for each type in its `PUBLISHED_AS`.

    `make(event, entry, receipt, store)` returns them in that order, None for one left out. The receipt
    belongs to the message that caused the event.
    """

    shapes: tuple[type[Payload], ...]
    make: Callable[..., tuple[Payload | None, ...]]
