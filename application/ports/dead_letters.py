"""The messages that were refused: set aside to be looked at, and sent again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.receipt import RawFields, Refusal

RETRY_OF = "retry_of"
"""The field that marks a message as sent again: the entry id of the message that was refused first."""


class DeadLettersUnavailable(ExitBrainError):
    """The dead letters cannot be reached or do not answer; what was asked may or may not have happened."""


class DeadLetter(Struct, frozen=True):
    """A refused message with its fields as they came, and the refusal.

    `source` is the logical stream, `stream` the name it came under, `entry_id` its id there.
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
        """Return the entry id of the message that was refused first, of which this may be a retry."""
        return self.retry_of or self.entry_id


class UnreadableLetter(Struct, frozen=True):
    """An entry among the dead letters that is none of ours, or damaged, and why it cannot be read."""

    id: str
    why: str


class DeadLetters(Protocol):
    """Keep what was refused; every method raises DeadLettersUnavailable or StreamsUnusable."""

    def letters(self, source: str) -> Iterator[DeadLetter | UnreadableLetter]:
        """Yield what was refused of a logical stream, oldest first."""

    def resend(self, stream: str, fields: RawFields) -> str:
        """Add a new message to a stream and return its entry id."""

    def close(self) -> None:
        """Release the connections."""
