"""The dead letters of streams in memory."""

from collections.abc import Iterator

from exitbrain.application.ports.dead_letters import DeadLetter, UnreadableLetter
from exitbrain.domain.messages.receipt import RawFields
from exitbrain.infrastructure.wire.dead_letter import letter_of
from exitbrain.infrastructure.wire.stream_names import Names
from tests.streams_in_memory.streams import InMemoryStreams


class InMemoryDeadLetters:
    """Read dead letters in memory and send messages again; these streams hold text, so bytes stay base64."""

    def __init__(self, streams: InMemoryStreams, names: Names = Names()) -> None:
        self._streams = streams
        self._names = names

    def letters(self, source: str) -> Iterator[DeadLetter | UnreadableLetter]:
        for entry_id, fields in self._streams.entries(self._names.dead_letters_of(source)):
            yield letter_of(entry_id, fields)

    def resend(self, stream: str, fields: RawFields) -> str:
        return self._streams.add(stream, fields.values)

    def close(self) -> None:
        """Keep everything: there is nothing to release."""
