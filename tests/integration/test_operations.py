"""What docs/operations.md tells an operator to run does what it says."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.context import ContextAudit
from exitbrain.application.replay.decisions import DecisionReplay
from exitbrain.domain.identity import STORE_ID
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.architecture.source import ROOT
from tests.names import TRADE_CLOSES, TRADE_INTENTS, group_of
from tests.servers import RedisServer, fresh_database
from tests.world import World

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def ran(name: str, *arguments: str, redis_url: str = "") -> subprocess.CompletedProcess[str]:
    """Run the code that the page shows under a name."""
    (code,) = re.findall(rf"<!-- tested: {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    environment = {"EXITBRAIN_REDIS": redis_url} if redis_url else None
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def check_every_replay_is_exact(ledger: StoredLedger, decisions: int) -> None:
    replay = DecisionReplay(
        Policies(ledger), Snapshots(ledger), StoredDecisions(ledger), BuiltInFormulas()
    ).run()
    assert (replay.decisions, replay.exact) == (decisions, decisions)
    assert ContextAudit(ledger, WireTranslator()).run().clean


def intents(world: World, count: int) -> None:
    for number in range(count):
        world.intent(symbol=f"S{number % 7}USDT", side="BUY", leverage=1 + number % 50, entry_price=100)


def test_a_backup_while_a_worker_writes_is_whole_and_holds_the_same_positions(tmp_path: Path) -> None:
    store, copy = tmp_path / "store.db", tmp_path / "copy.db"
    ledger = open_ledger(f"sqlite:///{store}", create=True)
    world = World(ledger=ledger)
    intents(world, 50)
    began_at, enough = ledger.head(), threading.Event()

    def write() -> None:
        while not enough.is_set():
            intents(world, 1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        ended = ran("backup", str(store), str(copy))
    finally:
        enough.set()
        writer.join()

    assert ended.returncode == 0, ended.stderr
    copied = open_ledger(f"sqlite:///{copy}", create=False)
    head = copied.head()
    assert began_at <= head <= ledger.head()
    assert list(copied.log()) == list(ledger.log(upto=head))
    report = DecisionReplay(
        Policies(copied), Snapshots(copied), StoredDecisions(copied), BuiltInFormulas()
    ).run()
    assert report.decisions >= 50
    check_every_replay_is_exact(copied, report.decisions)
    for each in (copied, ledger):
        each.close()


def test_a_backup_of_a_store_that_nobody_uses_is_whole(tmp_path: Path) -> None:
    store, copy = tmp_path / "store.db", tmp_path / "copy.db"
    ledger = open_ledger(f"sqlite:///{store}", create=True)
    intents(World(ledger=ledger), 20)
    ledger.close()

    ended = ran("backup", str(store), str(copy))

    assert ended.returncode == 0, ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "store.db"]
    copied = open_ledger(f"sqlite:///{copy}", create=False)
    check_every_replay_is_exact(copied, 20)
    copied.close()


def test_a_store_moves_to_postgresql_with_its_positions_and_goes_on_there(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    ledger = open_ledger(f"sqlite:///{store}", create=True)
    intents(World(ledger=ledger), 30)
    before = list(ledger.log())
    ledger.close()

    with fresh_database() as url:
        moved, again = ran("move", str(store), url), ran("move", str(store), url)
        assert moved.returncode == 0, moved.stderr
        assert again.returncode != 0
        target = open_ledger(url, create=False)
        assert list(target.log()) == before
        check_every_replay_is_exact(target, 30)
        assert target.history(STORE_ID)
        World(ledger=target).intent(symbol="NEWUSDT", side="BUY", leverage=3, entry_price=1)
        positions = [entry.position for entry in target.log()]
        assert positions[: len(before)] == [entry.position for entry in before]
        assert positions[len(before)] == before[-1].position + 1
        check_every_replay_is_exact(target, 31)
        target.close()


def test_the_page_says_which_slots_of_a_cluster_the_incoming_streams_have() -> None:
    slots = [key_slot(stream.encode()) for stream in (TRADE_INTENTS, TRADE_CLOSES)]
    assert f"({slots[0]} and {slots[1]} of 16384)" in PAGE
    partition = {key_slot(f"{stream}{{7}}".encode()) for stream in (TRADE_INTENTS, TRADE_CLOSES)}
    assert len(partition) == 1


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Start a Redis of the oldest supported version, or of the current one where that has no wheel."""
    kind = "redis-6.2" if sys.version_info < (3, 14) else "current"
    started = RedisServer(kind)
    yield started
    started.stop()


def test_the_advice_on_trimming_cuts_what_is_read_and_nothing_else(server: RedisServer) -> None:
    client: Any = redis.Redis.from_url(server.url, decode_responses=True)
    for number in range(1, 11):
        client.xadd(TRADE_INTENTS, {"n": number}, id=f"{number}-0")
    client.xgroup_create(TRADE_INTENTS, group_of(TRADE_INTENTS), "0")
    client.xreadgroup(group_of(TRADE_INTENTS), "worker-a", {TRADE_INTENTS: ">"}, count=8)
    client.xack(TRADE_INTENTS, group_of(TRADE_INTENTS), *[f"{number}-0" for number in (1, 2, 3, 5, 6, 7, 8)])

    ended = ran("trimming", redis_url=server.url)

    assert ended.returncode == 0, ended.stderr
    commands = dict(line.rsplit(" MINID ", 1) for line in ended.stdout.splitlines())
    assert commands == {f"XTRIM {TRADE_INTENTS}": "4-0", f"XTRIM {TRADE_CLOSES}": "0-0"}
    for line in ended.stdout.splitlines():
        client.execute_command(*line.split())
    assert [entry_id for entry_id, _ in client.xrange(TRADE_INTENTS)] == [f"{n}-0" for n in range(4, 11)]
    client.close()
