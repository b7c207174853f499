"""A second store on the streams of a first: it is turned away and the first loses nothing, or has a group of its own."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.application.recording.opening import identity_of
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.wire.stream_names import Names, published_key
from tests.faults.served import Served
from tests.forked import completed
from tests.own_time import LIVENESS_S, wait_until
from tests.servers import RedisServer

pytestmark = pytest.mark.integration

ENTRY = {"side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


class Stage:
    """A Redis, and workers of several stores on it."""

    def __init__(self, folder: Path, server: RedisServer, stack: ExitStack) -> None:
        self.folder = folder
        self.url, self.server = server.url, server
        self.client: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self._stack = stack

    def store(self, name: str) -> str:
        return f"sqlite:///{self.folder / name}.db"

    def serve(self, name: str, *flags: str, **settings: str) -> Served:
        worker = Served(self.folder, self.url, self.store(name), *flags, **settings)
        self._stack.callback(worker.kill)
        return worker

    def send(self, *symbols: str, names: Names = Names()) -> None:
        for symbol in symbols:
            self.client.xadd(names.intents, {"payload": json.dumps({"symbol": symbol, **ENTRY})})

    def close(self, symbol: str, names: Names = Names()) -> None:
        self.client.xadd(names.closes, {"symbol": symbol, "order_id": "9000001", "pnl_percent": "1"})

    def refused(self, name: str) -> str:
        """Return why `serve` does not go on."""
        command = ["serve", "--redis", self.url, "--store", self.store(name), "--health", "127.0.0.1:0"]
        ended = completed([*command, "--consumer", "test"], self.folder, os.environ)
        assert ended.returncode == 3, ended.stderr
        return ended.stderr.splitlines()[-1]

    def doctor(self, name: str) -> str:
        command = ["doctor", "--redis", self.url, "--store", self.store(name)]
        ended = completed(command, self.folder, os.environ)
        assert ended.returncode == 3
        return ended.stdout

    def sources(self, name: str) -> list[str]:
        """Return the logical streams of what a store has received, in the order of its log."""
        ledger = open_ledger(self.store(name), create=False)
        found = [e.event.source for e in ledger.log() if isinstance(e.event, MessageReceived)]
        ledger.close()
        return found

    def id_of(self, name: str) -> str:
        ledger = open_ledger(self.store(name), create=False)
        store = identity_of(ledger)
        ledger.close()
        return str(store.store_id)

    def symbols(self, names: Names = Names()) -> list[str]:
        return [
            json.loads(fields["payload"])["symbol"] for _, fields in self.client.xrange(names.adaptive_levels)
        ]


@pytest.fixture(params=["redis-6.2", "current"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        server = RedisServer(request.param)
        stack.callback(server.stop)
        yield Stage(tmp_path, server, stack)


def is_out(stage: Stage, names: Names, symbols: list[str]) -> bool:
    """Return whether these levels are published, and one message that was refused."""
    refused = stage.client.xlen(names.dead_letters_of("trade.intent"))
    return (stage.symbols(names), refused) == (symbols, 1)


def test_a_worker_of_another_store_is_turned_away_and_the_first_loses_nothing(stage: Stage) -> None:
    first = stage.serve("first")
    stage.send("AUSDT")
    wait_until(lambda: stage.symbols() == ["AUSDT"], first.log.read_text)
    assert "that is another store" in stage.refused("second")  # by what the published streams say
    stage.close("AUSDT")
    wait_until(lambda: stage.client.xlen(Names().events) == 3, first.log.read_text)
    assert first.stop()[0] == 0
    assert stage.sources("first") == ["trade.intent", "trade.closed"]


def test_the_keys_beside_lease_and_groups_turn_it_away_where_the_published_streams_say_nothing(
    stage: Stage,
) -> None:
    first = stage.serve("first")
    stage.send("AUSDT")
    wait_until(lambda: stage.symbols() == ["AUSDT"], first.log.read_text)
    assert first.stop()[0] == 0
    names = Names()
    stage.client.delete(*map(published_key, names.published))
    stage.close("AUSDT")
    for key in (
        names.store_of_lease,
        names.store_of_group(names.intents),
        names.store_of_group(names.closes),
    ):
        assert stage.client.get(key).partition(":")[0] == stage.id_of("first")
    for key in (names.store_of_lease, names.store_of_group(names.intents)):
        sentence = stage.refused("second")
        assert f"key {key} says" in sentence
        assert stage.id_of("first") in sentence
        assert stage.id_of("second") in sentence
        assert "GROUP" in sentence
        assert "--begin-publishing-here" in sentence
        stage.client.delete(key)
    assert stage.sources("second") == []
    assert stage.symbols() == ["AUSDT"]
    assert (
        f"✘ published: serve does not start: key {names.store_of_group(names.closes)} says"
        in stage.doctor("second")
    )
    assert [stage.client.exists(published_key(stream)) for stream in names.published] == [0, 0, 0, 0]

    again = stage.serve("first")
    wait_until(
        lambda: stage.client.xinfo_groups(names.closes)[0]["last-delivered-id"] != "0-0", again.log.read_text
    )
    wait_until(lambda: stage.client.xinfo_groups(names.closes)[0]["pending"] == 0, again.log.read_text)
    assert again.stop()[0] == 0
    assert stage.sources("first") == ["trade.intent", "trade.closed"]


def test_a_store_that_takes_over_ends_the_worker_of_the_one_before(stage: Stage) -> None:
    first = stage.serve("first")
    stage.send("AUSDT")
    wait_until(lambda: stage.symbols() == ["AUSDT"], first.log.read_text)
    second = stage.serve("second", "--begin-publishing-here")
    assert first.process.wait(LIVENESS_S) == 3
    stage.send("BUSDT")
    wait_until(lambda: stage.symbols() == ["AUSDT", "BUSDT"], second.log.read_text)
    assert second.stop()[0] == 0
    assert stage.sources("second") == ["trade.intent"]
    assert stage.id_of("second") in stage.refused("first")


def test_two_groups_read_the_same_messages_into_stores_and_streams_of_their_own(stage: Stage) -> None:
    live, paper = Names(), Names(group="paper")
    first = stage.serve("first")
    second = stage.serve("second", EXITBRAIN_GROUP="paper")
    stage.send("AUSDT", "BUSDT")
    stage.close("AUSDT")
    stage.client.xadd(live.intents, {"payload": "no message"})
    for names in (live, paper):
        wait_until(partial(is_out, stage, names, ["AUSDT", "BUSDT"]), second.log.read_text)
    assert (first.stop()[0], second.stop()[0]) == (0, 0)
    received = sorted(stage.sources("first"))
    assert received == sorted(stage.sources("second")) == ["trade.closed", *["trade.intent"] * 3]


def test_a_worker_with_another_prefix_reads_and_writes_under_that_alone(stage: Stage) -> None:
    names = Names(prefix="desk")
    worker = stage.serve("first", EXITBRAIN_STREAM_PREFIX="desk")
    stage.send("AUSDT", names=names)
    stage.send("BUSDT")
    wait_until(lambda: stage.symbols(names) == ["AUSDT"], worker.log.read_text)
    assert worker.stop()[0] == 0
    assert stage.sources("first") == ["trade.intent"]
    assert list(stage.client.scan_iter("*quantum*")) == [Names().intents]
