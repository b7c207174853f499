"""Others write what lies beside the streams: the lease, the positions, the groups, keys of another type."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.redis.first_look import look_at
from exitbrain.infrastructure.wire.stream_names import published_key
from tests.faults.live import Live
from tests.faults.waiting import until
from tests.names import ADAPTIVE_LEVELS, EVENTS, LEASE, NAMES, PUBLISHED, TRADE_INTENTS, group_of
from tests.servers import RedisServer

pytestmark = pytest.mark.integration

GROUP = group_of(TRADE_INTENTS)
FAR = "9223372036854775807-0"


class Stage:
    """A Redis that others write to, and one worker after the other on one store."""

    def __init__(self, server: RedisServer, store: Path) -> None:
        self.url = server.url
        self.store = f"sqlite:///{store}"
        self.client: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.client.flushall()
        self.sent = 0
        self.live = self.begin()

    def begin(self) -> Live:
        live = Live(self.url, self.store)
        until(lambda: live.ask()[0] == 200)
        return live

    def send(self) -> str:
        """Send an opening of a symbol of its own and return its entry id."""
        self.sent += 1
        intent = {"side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}
        payload = json.dumps({"symbol": f"S{self.sent}USDT", **intent})
        return str(self.client.xadd(TRADE_INTENTS, {"payload": payload}))

    def decided(self) -> list[str]:
        return [json.loads(one["payload"])["symbol"] for _, one in self.client.xrange(ADAPTIVE_LEVELS)]

    def told(self, stream: str) -> list[int]:
        return [json.loads(one["payload"])["log_position"] for _, one in self.client.xrange(stream)]

    def all_decided(self) -> None:
        """Wait until everything that was sent is decided, once and in its order."""
        until(lambda: len(self.decided()) >= self.sent)
        assert self.decided() == [f"S{number}USDT" for number in range(1, self.sent + 1)]
        until(lambda: not self.client.xpending(TRADE_INTENTS, GROUP)["pending"])
        until(lambda: len({self.client.get(published_key(stream)) for stream in PUBLISHED}) == 1)

    def trouble(self, name: str) -> dict[str, Any]:
        """Wait for the first line of a trouble and return it."""
        until(lambda: self.live.logged(name))
        found: dict[str, Any] = self.live.logged(name)[-1]
        assert found["level"] in {"warning", "error"}
        return found


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    started = RedisServer("current")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def shared(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(server, tmp_path_factory.mktemp("shared") / "store.db")
    yield stage
    stage.live.end()


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Return a stage on which everything sent is decided, and make sure that it is again afterwards."""
    shared.send()
    shared.all_decided()
    yield shared
    shared.send()
    shared.all_decided()
    assert shared.live.failed is None
    assert shared.live.ask()[0] == 200


@pytest.mark.parametrize("ttl_ms", [None, 10**12])
def test_a_lease_that_would_not_end_is_ended_and_named(stage: Stage, ttl_ms: int | None) -> None:
    stage.client.set(LEASE, f"stranger {ttl_ms}", px=ttl_ms)
    stage.send()
    stage.all_decided()
    assert stage.trouble("turn_without_expiry")["holder"] == f"stranger {ttl_ms}"


def test_a_lease_that_a_stranger_keeps_is_left_to_it_and_the_worker_is_not_ready(stage: Stage) -> None:
    stage.client.set(LEASE, "stranger", px=2_000)
    stage.send()

    def unready() -> str:
        stage.client.set(LEASE, "stranger", px=2_000)
        code, reason = stage.live.ask()
        return reason if code == 503 else ""

    until(unready)
    assert unready().startswith("stranger holds the lease and has read nothing for ")
    assert unready().endswith("while 1 entries wait\n")
    assert stage.live.ask("/healthz/live")[0] == 200
    assert stage.trouble("turn_of_unknown")["holder"] == "stranger"
    unused = stage.trouble("turn_unused")
    assert (unused["holder"], unused["waiting"], unused["level"]) == ("stranger", 1, "error")
    assert stage.client.get(LEASE) == "stranger"
    stage.all_decided()
    until(lambda: stage.live.logged("turn_used_again"))


def test_a_lease_of_another_type_is_set_anew_and_named(stage: Stage) -> None:
    stage.client.delete(LEASE)
    stage.client.hset(LEASE, "a", "b")
    stage.send()
    stage.all_decided()
    assert stage.trouble("turn_of_another_type")["was"] == "hash"


@pytest.mark.parametrize("running", [True, False])
def test_a_published_position_that_is_gone_is_found_again(stage: Stage, running: bool) -> None:
    if not running:
        stage.live.end()
    stage.client.delete(published_key(EVENTS), published_key(ADAPTIVE_LEVELS))
    if not running:
        stage.live = stage.begin()
    stage.send()
    stage.all_decided()
    assert stage.told(EVENTS) == sorted(set(stage.told(EVENTS)))
    assert stage.trouble("position_lost")["goes_on_after"] in stage.told(EVENTS)


@pytest.mark.parametrize("moved", ["0", FAR])
def test_a_group_that_somebody_moves_loses_nothing_and_it_is_named(stage: Stage, moved: str) -> None:
    stage.client.xgroup_setid(TRADE_INTENTS, GROUP, moved)
    stage.send()
    stage.all_decided()
    assert stage.trouble("group_moved")["found"] == ("0-0" if moved == "0" else FAR)


def test_a_group_that_was_set_ahead_while_no_worker_ran_is_set_back(stage: Stage) -> None:
    stage.live.end()
    stage.client.xgroup_setid(TRADE_INTENTS, GROUP, FAR)
    stage.send()
    stage.live = stage.begin()
    stage.all_decided()
    assert stage.trouble("group_ahead")["delivered"] == FAR


def test_a_group_that_is_destroyed_is_made_again_and_it_is_named(stage: Stage) -> None:
    stage.client.xgroup_destroy(TRADE_INTENTS, GROUP)
    stage.send()
    stage.all_decided()
    assert "NOGROUP" in stage.trouble("group_lost")["said"]


def test_what_a_stranger_reads_in_our_group_is_decided_in_its_place(stage: Stage) -> None:
    pipeline = stage.client.pipeline()
    stage.sent += 1
    intent = {"symbol": f"S{stage.sent}USDT", "side": "BUY", "entry_price": 1, "quantity": 2, "leverage": 10}
    pipeline.xadd(TRADE_INTENTS, {"payload": json.dumps(intent)})
    pipeline.xreadgroup(GROUP, "stranger", {TRADE_INTENTS: ">"}, noack=True)
    pipeline.execute()
    stage.send()
    stage.all_decided()


def test_what_a_deleted_consumer_held_is_given_to_the_next(stage: Stage) -> None:
    stage.client.set(LEASE, "colleague", px=1_500)
    entry_id = stage.send()
    until(lambda: stage.client.xinfo_groups(TRADE_INTENTS)[0]["lag"] == 1)
    stage.client.xreadgroup(GROUP, "colleague", {TRADE_INTENTS: ">"})
    assert stage.client.xgroup_delconsumer(TRADE_INTENTS, GROUP, "colleague") == 1
    stage.all_decided()
    assert stage.trouble("group_ahead")["delivered"] == entry_id


def test_an_output_stream_of_another_type_ends_the_worker_and_nothing_is_lost(
    server: RedisServer, tmp_path: Path
) -> None:
    stage = Stage(server, tmp_path / "store.db")
    try:
        stage.send()
        stage.all_decided()
        stage.client.rename(EVENTS, "kept")
        stage.client.rpush(EVENTS, "x")
        stage.send()
        until(lambda: stage.live.failed)
        assert isinstance(stage.live.failed and stage.live.failed.__cause__, StreamsUnusable)
        assert (
            f"the key {EVENTS} is of another type: WRONGTYPE it is a list"
            in stage.live.logged("loop_ended")[0]["error"]
        )
        assert stage.client.lrange(EVENTS, 0, -1) == ["x"]
        stage.live.end()
        stage.client.rename("kept", EVENTS)

        stage.live = stage.begin()
        stage.all_decided()
        assert stage.told(EVENTS) == sorted(set(stage.told(EVENTS)))
        stage.client.set(
            published_key(EVENTS), stage.client.get(published_key(EVENTS)).rpartition(":")[0] + ":1"
        )
        assert stage.trouble("position_set_back")["now"] == 1  # and what is published again has been told of
    finally:
        stage.live.end()


@pytest.mark.parametrize("key", [key for key in NAMES.types if key != LEASE])
def test_a_key_of_another_type_is_named_at_the_start(server: RedisServer, key: str) -> None:
    with redis.Redis.from_url(server.url, db=1) as client:
        client.flushdb()
        client.hset(key, "a", "b")
    with pytest.raises(
        StreamsUnusable, match=r"is a hash, and a (string|stream) belongs there; rename"
    ) as said:
        asyncio.run(look_at(f"{server.url}?db=1", NAMES))
    assert f"the key {key} is of another type" in str(said.value)


ODD: dict[str, tuple[Callable[[Any], object], str]] = {
    "a lease without end": (lambda client: client.set(LEASE, "stranger"), "held by stranger; a worker that"),
    "a lease of a stranger": (lambda client: client.set(LEASE, "stranger"), "is no consumer of the groups"),
    "a lease of another type": (lambda client: client.rpush(LEASE, "x"), "is a list; the next worker"),
    "a group ahead": (lambda client: client.xgroup_setid(TRADE_INTENTS, GROUP, FAR), f"is set to {FAR}"),
    "no position": (lambda client: client.delete(published_key(EVENTS)), "has lost its published position"),
    "another type": (lambda client: client.set(EVENTS, "x"), f"the key {EVENTS} is of another type"),
}


def test_doctor_names_what_others_changed_and_changes_nothing(
    server: RedisServer, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = Stage(server, tmp_path / "store.db")
    stage.send()
    stage.all_decided()
    stage.live.end()
    command = ["doctor", "--json", "--redis", stage.url, "--store", stage.store]
    assert run(command) == 0, capfd.readouterr().out
    raw: Any = redis.Redis.from_url(server.url)
    kept = seen(raw)
    for change, named in ODD.values():
        change(stage.client)
        before = seen(raw)
        capfd.readouterr()
        assert run(command) in {1, 2}
        said = " ".join(check["detail"] for check in json.loads(capfd.readouterr().out)["checks"])
        assert named in said
        assert seen(raw) == before
        raw.flushdb()
        for key, (dumped, _) in kept.items():
            raw.restore(key, 0, dumped)


def seen(client: Any) -> dict[bytes, tuple[bytes, int]]:
    return {key: (client.dump(key), client.ttl(key)) for key in client.scan_iter()}
