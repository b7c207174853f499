"""The commands about refused messages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.wire.stream_entry import from_entry
from tests.integration.stored_copies import content
from tests.servers import redis_url
from tests.unit.cli.conftest import Exitbrain
from tests.unit.wire.published_world import outgoing, take
from tests.world import MAX_BYTES, World

INTENTS = "quantum:stream:trade.intent"
REFUSED = "1767268801000-0"
NOBODY = "redis://127.0.0.1:1/0"


class Server:
    """A Redis with what is published of a world, and the store of that world."""

    def __init__(self, folder: Path) -> None:
        self.url = redis_url("current")
        self.client: Any = redis.Redis.from_url(self.url, decode_responses=True)
        self.client.flushdb()
        self.store = f"sqlite:///{folder}/live.db"
        self._ledger = open_ledger(self.store, create=True)
        self.world = World(ledger=self._ledger)
        self._published = 0

    def publish(self) -> None:
        """Write what was not published yet."""
        entries = outgoing(self.world)
        for entry in entries[self._published :]:
            self.client.xadd(entry.stream, entry.fields)
        self._published = len(entries)

    def work(self) -> None:
        """Take every message that was sent again, and publish."""
        for entry_id, fields in self.client.xrange(INTENTS):
            self.world.recorder.handle(from_entry(INTENTS, entry_id, fields, max_bytes=MAX_BYTES))
        self.publish()

    def close(self) -> None:
        self._ledger.close()
        self.client.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose dead letters hold one intent with a leverage of 400 and one report of a close."""
    with_letters = Server(tmp_path)
    take(with_letters.world, {"payload": '{"symbol": "BTCUSDT", "side": "BUY", "leverage": 400}'}, number=1)
    take(with_letters.world, {"symbol": "ETH\x1b[31m", "exit_price": "-1"}, "trade.closed", number=2)
    with_letters.publish()
    yield with_letters
    with_letters.close()


@pytest.mark.parametrize("command", [("list",), ("show", "1-0"), ("retry", "1-0")])
def test_a_redis_that_can_not_be_reached_is_one_sentence(
    exitbrain: Exitbrain, command: tuple[str, ...]
) -> None:
    ended = exitbrain("dlq", *command, "--redis", NOBODY)

    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr.startswith("exitbrain: Redis is not available: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (("list", "--redis", "http://localhost"), "redis://"),
        (("list", "--stream", "trade.opened"), "allowed: trade.intent or trade.closed"),
        (("retry", "1-0", "--set", "leverage"), "allowed: FIELD=VALUE"),
        (("retry", "1-0", "--set", "=20"), "allowed: FIELD=VALUE"),
    ],
)
def test_what_is_not_allowed_is_said_with_what_is(
    exitbrain: Exitbrain, arguments: tuple[str, ...], allowed: str
) -> None:
    ended = exitbrain("dlq", *arguments)

    assert ended.code == 2
    assert allowed in ended.stderr


@pytest.mark.integration
def test_list_shows_what_was_refused_and_why(exitbrain: Exitbrain, server: Server) -> None:
    ended = exitbrain("dlq", "list", "--redis", server.url, "--wide")
    report = exitbrain("dlq", "list", "--redis", server.url, "--json").report

    assert ended.code == 0
    assert REFUSED in ended.stdout
    assert "leverage is 400; allowed: a number from 1 to 125" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert [(one["entry_id"], one["source"], one["reason"]) for one in report["letters"]] == [
        (REFUSED, "trade.intent", "LEVERAGE_OUT_OF_RANGE"),
        ("1767268802000-0", "trade.closed", "BAD_VALUE"),
    ]
    assert report["letters"][0]["symbol"] == "BTCUSDT"
    assert report["unreadable"] == []


@pytest.mark.integration
def test_list_says_what_it_can_not_read_and_when_there_is_nothing(
    exitbrain: Exitbrain, server: Server
) -> None:
    server.client.flushdb()
    assert "No refused messages" in exitbrain("dlq", "list", "--redis", server.url).stdout

    entry_id = server.client.xadd("quantum:dlq:trade.intent", {"order": "7"})
    ended = exitbrain("dlq", "list", "--redis", server.url)

    assert f"{entry_id} cannot be read: it has no payload" in ended.stdout


@pytest.mark.integration
def test_the_dead_letters_are_those_of_the_group_and_the_prefix_in_force(
    exitbrain: Exitbrain, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.client.rename("quantum:dlq:trade.intent", "desk:dlq:paper:trade.intent")
    for name, value in (("GROUP", "paper"), ("STREAM_PREFIX", "desk")):
        monkeypatch.setenv(f"EXITBRAIN_{name}", value)
    for stream in ("trade.intent", "desk:stream:trade.intent"):
        report = exitbrain("dlq", "list", "--stream", stream, "--redis", server.url, "--json").report
        assert [one["entry_id"] for one in report["letters"]] == [REFUSED]


@pytest.mark.integration
def test_show_tells_every_field(exitbrain: Exitbrain, server: Server) -> None:
    text = exitbrain("dlq", "show", "1767268801", "--redis", server.url).stdout
    report = exitbrain("dlq", "show", REFUSED, "--redis", server.url, "--json").report

    assert f"REFUSED LEVERAGE_OUT_OF_RANGE: entry {REFUSED} of {INTENTS}" in text
    assert '  payload: {"symbol": "BTCUSDT"' in text
    assert report["refusal"] == {"field": "leverage", "value": "400", "allowed": "a number from 1 to 125"}
    assert report["fields"]["payload"].startswith('{"symbol"')


@pytest.mark.integration
def test_a_message_that_is_not_there_is_said_to_be_missing(exitbrain: Exitbrain, server: Server) -> None:
    ended = exitbrain("dlq", "show", "5-0", "--redis", server.url)

    assert ended.code == 3
    assert "no refused message '5-0'" in ended.stderr


@pytest.mark.integration
def test_a_corrected_retry_is_sent_and_accepted_and_then_not_sent_again(
    exitbrain: Exitbrain, server: Server, tmp_path: Path
) -> None:
    flags = (REFUSED, "--set", "leverage=20", "--redis", server.url, "--store", server.store)

    report = exitbrain("dlq", "retry", *flags, "--json").report
    ((entry_id, fields),) = server.client.xrange(INTENTS)
    server.work()
    before = content(tmp_path)
    again = exitbrain("dlq", "retry", *flags)

    assert content(tmp_path) == before
    assert report == {
        "entry_id": entry_id,
        "stream": INTENTS,
        "retry_of": REFUSED,
        "checked": f"store {server.store}",
    }
    assert fields["retry_of"] == REFUSED
    assert len(server.client.xrange("quantum:stream:exitbrain.adaptive_levels")) == 1
    assert again.code == 1
    assert f"a retry of {REFUSED} was accepted already: {entry_id}" in again.stderr
    assert len(server.client.xrange(INTENTS)) == 1


@pytest.mark.integration
def test_without_a_store_a_retry_says_what_was_not_checked(exitbrain: Exitbrain, server: Server) -> None:
    ended = exitbrain("dlq", "retry", REFUSED, "--set", "leverage=20", "--redis", server.url)

    assert ended.code == 0
    assert "No store was asked whether a retry of it was accepted before." in ended.stdout


@pytest.mark.integration
def test_what_would_be_refused_again_is_not_sent(exitbrain: Exitbrain, server: Server) -> None:
    ended = exitbrain("dlq", "retry", REFUSED, "--redis", server.url)

    assert ended.code == 1
    assert "would be refused again: leverage is 400" in ended.stderr
    assert not server.client.exists(INTENTS)
