"""A store put back to a backup, and a new store on an old Redis: nothing is published until an operator says how."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.application.recording.opening import identity_of
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.faults.processes.evidence import EVENTS, INTENTS, LEVELS, OUTGOING
from tests.faults.served import Served
from tests.forked import completed
from tests.own_time import LIVENESS_S, wait_until
from tests.servers import RedisServer

pytestmark = pytest.mark.integration

LONG = {"side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


class Stage:
    """A Redis, a store in a file, and workers on them."""

    def __init__(self, folder: Path, server: RedisServer, stack: ExitStack) -> None:
        self.folder = folder
        self.url = server.url
        self.client: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self._stack = stack

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.db"

    def serve(self, name: str, *flags: str) -> Served:
        worker = Served(self.folder, self.url, f"sqlite:///{self.path(name)}", *flags)
        self._stack.callback(worker.kill)
        return worker

    def send(self, *symbols: str) -> None:
        for symbol in symbols:
            self.client.xadd(INTENTS, {"payload": json.dumps({"symbol": symbol, **LONG})})

    def command(self, command: str, name: str, *flags: str) -> subprocess.CompletedProcess[str]:
        arguments = [command, "--redis", self.url, "--store", f"sqlite:///{self.path(name)}", *flags]
        return completed(arguments, self.folder, os.environ)

    def refused(self, name: str) -> str:
        """Return why `serve` does not start."""
        ended = self.command("serve", name, "--health", "127.0.0.1:0")
        assert ended.returncode == 3
        return ended.stderr.splitlines()[-1]

    def levels(self) -> list[dict[str, Any]]:
        return [json.loads(fields["payload"]) for _, fields in self.client.xrange(LEVELS)]

    def received(self, name: str) -> list[str]:
        """Return the entries that have a receipt, in the order of the log."""
        ledger = open_ledger(f"sqlite:///{self.path(name)}", create=False)
        entries = [e.event.entry_id for e in ledger.log() if isinstance(e.event, MessageReceived)]
        ledger.close()
        return entries

    def identity(self, name: str) -> str:
        ledger = open_ledger(f"sqlite:///{self.path(name)}", create=False)
        store = identity_of(ledger)
        ledger.close()
        return f"store {store.store_id} in epoch {store.epoch}"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        server = RedisServer("current")
        stack.callback(server.stop)
        yield Stage(tmp_path, server, stack)


def worked(stage: Stage, name: str, symbols: list[str], *flags: str) -> None:
    """Let a worker take messages until all it decided is published, and end it."""
    before = len(stage.levels())
    stage.send(*symbols)
    worker = stage.serve(name, *flags)
    wait_until(lambda: len(stage.levels()) >= before + len(symbols) and worker.ready(), worker.log.read_text)
    assert worker.stop()[0] == 0


def test_a_restored_backup_does_not_serve_until_an_operator_says_how(stage: Stage) -> None:
    worked(stage, "live", ["AUSDT", "BUSDT"])
    shutil.copy(stage.path("live"), stage.path("backup"))
    worked(stage, "live", ["CUSDT", "DUSDT"])
    before = stage.levels()
    at_end = stage.client.get(f"{{{LEVELS}}}:published").rpartition(":")[2]

    sentence = stage.refused("backup")
    assert f"is published up to log position {at_end} of store" in sentence
    assert stage.identity("backup") in sentence
    assert "--begin-publishing-here" in sentence
    assert "--republish-from N" in sentence
    assert stage.levels() == before
    doctor = stage.command("doctor", "backup")
    assert doctor.returncode == 3
    assert "\u2718 published: serve does not start: " in doctor.stdout

    stage.send("EUSDT")
    worker = stage.serve("backup", "--begin-publishing-here")
    wait_until(lambda: bool(stage.levels()) and stage.levels()[-1]["symbol"] == "EUSDT", worker.log.read_text)
    assert worker.stop()[0] == 0
    said = [(one["symbol"], one["epoch"]) for one in stage.levels()[len(before) :]]
    begun, read_again = [("AUSDT", 2), ("BUSDT", 2)], [("CUSDT", 2), ("DUSDT", 2)]
    assert said == [*begun, *read_again, ("EUSDT", 2)]
    [ahead] = worker.logged("group_ahead")
    assert (ahead["stream"], ahead["entries"]) == (INTENTS, 2)
    assert stage.received("backup") == [entry_id for entry_id, _ in stage.client.xrange(INTENTS)]
    assert "another copy of this store has published there" in stage.refused("live")
    worked(stage, "backup", ["FUSDT"])  # as usual again
    assert "\u2714 published: up to log position" in stage.command("doctor", "backup").stdout


def test_a_new_store_on_an_old_redis_does_not_serve_until_an_operator_says_how(stage: Stage) -> None:
    worked(stage, "old", ["AUSDT", "BUSDT"])
    assert "that is another store" in (sentence := stage.refused("new"))
    assert stage.identity("old") in sentence
    assert stage.identity("new") in sentence

    stage.client.xgroup_setid(INTENTS, "quantum:group:exitbrain:trade.intent", "0")
    worker = stage.serve("new", "--republish-from", "1")
    wait_until(lambda: len(stage.levels()) == 4, worker.log.read_text)
    assert worker.stop()[0] == 0
    ids = [one["store_id"] for one in stage.levels()]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    positions = {stage.client.get(f"{{{stream}}}:published").rpartition(":")[0] for stream in OUTGOING}
    assert positions == {f"{ids[2]}:1"}


def test_a_worker_that_is_overtaken_by_another_store_ends(stage: Stage) -> None:
    stage.send("AUSDT")
    worker = stage.serve("live")
    wait_until(lambda: len(stage.levels()) == 1 and worker.ready(), worker.log.read_text)
    stage.client.set(f"{{{EVENTS}}}:published", "00000000-0000-4000-8000-000000000001:1:3")

    assert worker.process.wait(LIVENESS_S) == 3
    assert "that is another store" in worker.log.read_text().splitlines()[-1]


def test_both_ways_out_at_once_are_wrong_usage(stage: Stage) -> None:
    ended = stage.command("serve", "new", "--republish-from", "1", "--begin-publishing-here")
    assert (ended.returncode, stage.path("new").exists()) == (2, False)
    worked(stage, "live", ["AUSDT"])
    ended = stage.command("serve", "live", "--republish-from", "999", "--health", "127.0.0.1:0")
    assert ended.returncode == 2
    assert "--republish-from is 999; allowed: 1 to " in ended.stderr
