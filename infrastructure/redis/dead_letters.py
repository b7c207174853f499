"""RedisDeadLetters: the dead letter streams of a Redis, for commands that people run."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from exitbrain.application.ports.dead_letters import DeadLetter, DeadLettersUnavailable, UnreadableLetter
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.domain.receipt import RawFields
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, connect_synchronously
from exitbrain.infrastructure.redis.errors import trouble_of
from exitbrain.infrastructure.redis.streams import Names
from exitbrain.infrastructure.wire.dead_letter import letter_of

PAGE = 500


class RedisDeadLetters:
    """Read dead letter streams and send messages again. Raises BadRedisUrl."""

    def __init__(self, url: str, names: Names = Names()) -> None:
        self._names = names
        # Any: its types speak of text and bytes at once.
        self._client: Any = connect_synchronously(url)

    def letters(self, source: str) -> Iterator[DeadLetter | UnreadableLetter]:
        start = "-"
        while page := self._page(self._names.dead_letters_of(source), start):
            for entry_id, fields in page:
                yield letter_of(entry_id.decode(), _texts(fields))
            start = f"({page[-1][0].decode()}"

    def resend(self, stream: str, fields: RawFields) -> str:
        with _answering(stream, "; whether the message was sent is not known"):
            return str(self._client.xadd(stream, _raw(fields)), "ascii")

    def close(self) -> None:
        self._client.close()

    def _page(self, stream: str, start: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        with _answering(stream):
            page: list[tuple[bytes, dict[bytes, bytes]]] = self._client.xrange(stream, start, "+", count=PAGE)
            return page


@contextmanager
def _answering(key: str, consequence: str = "") -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        trouble = trouble_of(error, timeout_s=COMMAND_TIMEOUT_S, keys=[key])
        if trouble.passes is False:
            raise StreamsUnusable(trouble.why) from error
        raise DeadLettersUnavailable(f"{trouble.why}{consequence}") from error


def _texts(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode("utf-8", "replace"): text.decode("utf-8", "replace") for name, text in fields.items()}


def _raw(fields: RawFields) -> dict[Any, Any]:
    """Return fields as they were on the stream: bytes that are no text are bytes again."""
    return {
        name: base64.b64decode(text) if fields.encoded.get(name) == "base64" else text
        for name, text in fields.values.items()
    }
