"""The contract of the dead letters, kept by every adapter."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from exitbrain.application.ports.dead_letters import DeadLetter, DeadLetters, UnreadableLetter
from exitbrain.application.ports.publisher import Outgoing
from exitbrain.domain.messages.message import TRADE_CLOSED, TRADE_INTENT
from exitbrain.domain.messages.receipt import RawFields
from exitbrain.infrastructure.redis import dead_letters as on_redis
from exitbrain.infrastructure.redis.dead_letters import RedisDeadLetters
from tests.names import dead_letters_of
from tests.servers import REDIS_KINDS, redis_url
from tests.streams_in_memory.dead_letters import InMemoryDeadLetters
from tests.streams_in_memory.streams import InMemoryStreams
from tests.unit.wire.published_world import outgoing, take
from tests.world import NOON_MS, World


class InMemory:
    """Dead letters in memory, with a way to write and read the streams beside them."""

    def __init__(self) -> None:
        self._streams = InMemoryStreams(lambda: NOON_MS)
        self.letters: DeadLetters = InMemoryDeadLetters(self._streams)

    def add(self, stream: str, fields: dict[str, str]) -> None:
        self._streams.add(stream, fields)

    def entries(self, stream: str) -> list[tuple[str, dict[str, str]]]:
        return self._streams.entries(stream)


class OnRedis:
    """The same on a server, which is emptied."""

    def __init__(self, kind: str) -> None:
        self._client: Any = redis.Redis.from_url(redis_url(kind), decode_responses=True)
        self._client.flushdb()
        self.letters: DeadLetters = RedisDeadLetters(redis_url(kind))

    def add(self, stream: str, fields: dict[str, str]) -> None:
        self._client.xadd(stream, fields)

    def entries(self, stream: str) -> list[tuple[str, dict[str, str]]]:
        found: list[tuple[str, dict[str, str]]] = self._client.xrange(stream)
        return found

    def close(self) -> None:
        self.letters.close()
        self._client.close()


Place = InMemory | OnRedis


@pytest.fixture(
    params=["memory", *(pytest.param(kind, marks=pytest.mark.integration) for kind in REDIS_KINDS)]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "memory":
        yield InMemory()
        return
    on_server = OnRedis(request.param)
    yield on_server
    on_server.close()


def refused(number: int) -> list[Outgoing]:
    """Return what is published of so many refused messages."""
    world = World()
    for index in range(number):
        take(world, {"symbol": f"S{index}"}, number=index)
    return outgoing(world)


def test_letters_come_in_the_order_they_were_published(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_redis, "PAGE", 2)
    for entry in refused(5):
        place.add(entry.stream, entry.fields)

    found = list(place.letters.letters(TRADE_INTENT))

    assert [letter.fields.values["symbol"] for letter in found if isinstance(letter, DeadLetter)] == [
        "S0",
        "S1",
        "S2",
        "S3",
        "S4",
    ]
    assert list(place.letters.letters(TRADE_CLOSED)) == []


def test_what_is_none_of_ours_is_told_and_skipped(place: Place) -> None:
    (entry,) = refused(1)
    place.add(entry.stream, {"payload": "of somebody else"})
    place.add(entry.stream, entry.fields)

    first, second = place.letters.letters(TRADE_INTENT)

    assert isinstance(first, UnreadableLetter)
    assert first.id == place.entries(dead_letters_of(TRADE_INTENT))[0][0]
    assert isinstance(second, DeadLetter)


def test_a_message_that_is_sent_again_is_a_new_entry_of_its_stream(place: Place) -> None:
    fields = RawFields({"symbol": "BTCUSDT", "retry_of": "5-0"}, {})

    entry_ids = [place.letters.resend("quantum:stream:trade.intent", fields) for _ in range(2)]

    assert place.entries("quantum:stream:trade.intent") == [
        (entry_ids[0], fields.values),
        (entry_ids[1], fields.values),
    ]


@pytest.mark.integration
def test_bytes_that_are_no_text_are_bytes_again() -> None:
    on_server = OnRedis("current")
    with redis.Redis.from_url(redis_url("current")) as client:
        on_server.letters.resend(
            "quantum:stream:trade.intent", RawFields({"blob": "/w=="}, {"blob": "base64"})
        )

        ((_, fields),) = client.xrange("quantum:stream:trade.intent")

    assert fields == {b"blob": b"\xff"}
    on_server.close()
