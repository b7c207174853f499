"""Refused messages: set aside for inspection and resending."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.receipt import RawFields, Refusal

RETRY_OF = "retry_of"
"""The field that marks a resent message. It holds the entry id of the message that was refused first."""


class DeadLettersUnavailable(ExitBrainError):
    """The dead letters cannot be reached or do not answer; the request may still have been carried out."""


class DeadLetter(Struct, frozen=True):
    """A refused message with its original fields, and the refusal.

    `source` is the logical stream, `stream` the stream's real name, `entry_id` the id in it.
    """

    source: str
    stream: str
    entry_id: str
    receipt_id: UUID
    recorded_at: datetime
    refusal: Refusal
    fields: RawFields
    retry_of: str | None

    @property
    def first_id(self) -> str:
        """Return the entry id of the first refused message: this one, or the one it retries."""
        return self.retry_of or self.entry_id


class UnreadableLetter(Struct, frozen=True):
    """A dead-letter entry that is foreign or damaged, and why it cannot be read."""

    id: str
    why: str


class DeadLetters(Protocol):
    """Keep refused messages; every method raises DeadLettersUnavailable or StreamsUnusable."""

    def letters(self, source: str) -> Iterator[DeadLetter | UnreadableLetter]:
        """Yield the refused messages of a logical stream, oldest first."""

    def resend(self, stream: str, fields: RawFields) -> str:
        """Add a new message to a stream and return its entry id."""

    def close(self) -> None:
        """Release the connections."""
