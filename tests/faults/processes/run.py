"""One run: servers, proxies, workers, a producer, the chaos, the calm after it, and the verdict."""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Literal

import psycopg
import redis

from tests.faults.processes.chaos import Chaos, Server
from tests.faults.processes.checker import violations
from tests.faults.processes.evidence import (
    INCOMING,
    LEVELS,
    RECEIPT,
    Evidence,
    gather,
    group,
    newest_to_publish,
    published_upto,
)
from tests.faults.processes.proxy import Proxy, Switchboard
from tests.faults.processes.replays import drifts
from tests.faults.processes.workers import Nursery, Worker
from tests.names import LEASE
from tests.own_time import Clock, wall_time
from tests.servers import RedisServer, start_postgres

StoreKind = Literal["sqlite", "postgresql"]

STOP_WITHIN_S = 2.0
POLL_S = 0.1
ENVIRONMENT = {
    "EXITBRAIN_DEDUPE_BY": "trace_id",
    "EXITBRAIN_RECLAIM_IDLE_S": "8",
    "EXITBRAIN_LOG_LEVEL": "info",
    "EXITBRAIN_LOG_FORM": "json",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. Redis syncs its append-only file at every command, PostgreSQL at every commit."""

    kills: int
    store: StoreKind = "sqlite"
    seed: int = 1
    workers: int = 3
    redis_restarts: int = 1
    store_restarts: int = 0
    rate_per_s: float = 30.0
    symbols: int = 40
    pause_s: float = 0.1
    settle_within_s: float = 180.0
    redis_kind: str = "current"


@dataclass(slots=True)
class Report:
    """What came of it; `broken` is empty when every promise was kept."""

    plan: Plan
    broken: list[str]
    kills: dict[str, int]
    restarts: dict[str, int]
    faults: dict[str, int]
    own_exits: dict[int, int]
    messages: int
    outcomes: dict[str, int]
    decisions_published: int
    events: int
    chaos_s: float
    settle_s: float
    stop_s: float
    seconds: float
    logs: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Stage:
    """What a run plays on."""

    folder: Path
    redis: RedisServer
    store_url: str
    nursery: Nursery
    workers: list[Worker]
    servers: list[Server]
    board: Switchboard

    def evidence(self) -> Evidence:
        return gather(self.store_url, self.redis.url, self.folder / "acknowledged")


def perform(
    plan: Plan, progress: Callable[[int], None], stop_clock: Callable[..., Clock] = wall_time
) -> Report:
    """Do one run and return its report; nothing is left behind. The clock is made of the processes that it is to watch."""
    began = monotonic()
    with _stage(plan) as stage:
        reader = partial(_reader, stage.redis.url)
        chaos = Chaos(
            plan.seed, stage.nursery, stage.workers, stage.servers, stage.board, plan.pause_s, reader
        )
        with _producer(plan, stage):
            chaos.revive()
            chaos.run(plan.kills, progress)
        chaos.calm()
        chaos_s = monotonic() - began
        _settle(plan, stage, chaos)
        settle_s = monotonic() - began - chaos_s
        clock = stop_clock(stage.redis.pid, *(worker.pid for worker in stage.workers))
        endings = stage.nursery.stop(stage.workers, clock)
        evidence = stage.evidence()
        broken = [*violations(evidence), *drifts(stage.store_url), *_bad_endings(endings, stage.nursery)]
        receipts = [row.content for row in evidence.rows if row.topic == RECEIPT]
        return Report(
            plan=plan,
            broken=broken,
            kills={moment.value: count for moment, count in chaos.tally.kills.items()},
            restarts=dict(chaos.tally.restarts),
            faults=dict(chaos.tally.faults),
            own_exits=dict(Counter(one.code for one in stage.nursery.own_exits)),
            messages=sum(len(evidence.streams[stream]) for stream in INCOMING),
            outcomes=dict(Counter(one["reason"] or one["disposition"] for one in receipts)),
            decisions_published=len(evidence.streams[LEVELS]),
            events=len(evidence.rows),
            chaos_s=chaos_s,
            settle_s=settle_s,
            stop_s=max(seconds for _, seconds in endings),
            seconds=monotonic() - began,
            logs={worker.name: worker.log.read_text() for worker in stage.workers} if broken else {},
        )


def _reader(url: str) -> str:
    """Return the name of the worker that holds the lease, empty when there is none or nobody can say."""
    with redis.Redis.from_url(url, decode_responses=True, socket_timeout=1) as client:
        try:
            return str(client.get(LEASE) or "")
        except redis.RedisError:
            return ""


@contextmanager
def _stage(plan: Plan) -> Iterator[_Stage]:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="exitbrain-kills-"))
        stack.callback(shutil.rmtree, folder)
        board = Switchboard()
        stack.callback(board.close)
        server = RedisServer(plan.redis_kind, append_only=True)
        stack.callback(server.stop)
        servers = [Server("redis", server.kill, server.start, plan.redis_restarts)]
        store_url, store_socket = f"sqlite:///{folder}/store.db", None
        if plan.store == "postgresql":
            postgres, store_url = start_postgres(durable=True)
            stack.callback(postgres.stop)
            store_socket = postgres.folder / ".s.PGSQL.5432"
            # QUIT is PostgreSQL's own "end at once, recover at the next start": KILL would leave its other
            # processes behind, and those the next server.
            end = partial(postgres.end, "QUIT")
            start = partial(_start_postgres, postgres.start, store_url)
            servers.append(Server("postgresql", end, start, plan.store_restarts))
        nursery = Nursery(ENVIRONMENT)
        stack.callback(nursery.close)
        workers = [
            _worker(f"worker-{number}", folder, board, server, store_url, store_socket)
            for number in range(1, plan.workers + 1)
        ]
        yield _Stage(folder, server, store_url, nursery, workers, servers, board)


def _worker(
    name: str, folder: Path, board: Switchboard, server: RedisServer, store_url: str, socket: Path | None
) -> Worker:
    to_redis = Proxy(board, server.folder / "redis.sock")
    to_store = None
    if socket is not None:
        to_store = Proxy(board, socket, ends_frozen=True)
        store_url = (
            f"postgresql://postgres@127.0.0.1:{to_store.port}/postgres?sslmode=disable&gssencmode=disable"
        )
    arguments = ["serve", "--redis", f"redis://127.0.0.1:{to_redis.port}/0", "--store", store_url]
    arguments += ["--consumer", name, "--health", "127.0.0.1:0"]
    return Worker(name, arguments, folder / f"{name}.log", to_redis, to_store)


def _start_postgres(start: Callable[[], None], url: str) -> None:
    start()
    deadline = monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if monotonic() > deadline:
                raise
            sleep(POLL_S)
        else:
            return


@contextmanager
def _producer(plan: Plan, stage: _Stage) -> Iterator[None]:
    """Let a producer of its own process send; it ends after the message it is at."""
    arguments = [stage.redis.url, str(plan.seed), str(plan.rate_per_s), str(plan.symbols)]
    arguments.append(str(stage.folder / "acknowledged"))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.processes.producer", *arguments],
        stdin=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    try:
        yield
    finally:
        process.communicate(timeout=30)
    if process.returncode != 0:
        raise RuntimeError(f"the producer ended with {process.returncode}")


def _settle(plan: Plan, stage: _Stage, chaos: Chaos) -> None:
    """Wait until nothing seems left to do; what is missing nevertheless is found by the checker."""
    deadline = monotonic() + plan.settle_within_s
    with redis.Redis.from_url(stage.redis.url, decode_responses=True, socket_timeout=10) as client:
        while monotonic() < deadline:
            chaos.revive()
            sleep(POLL_S)
            if not all(worker.at_work for worker in stage.workers):
                continue
            groups = [group(client, stream) for stream in INCOMING]
            taken = not any(one.pending or one.undelivered for one in groups)
            published = published_upto(client) == newest_to_publish(stage.store_url)
            if taken and published and all(stage.nursery.alive(worker.pid) for worker in stage.workers):
                return


def _bad_endings(endings: list[tuple[int, float]], nursery: Nursery) -> Iterator[str]:
    for code, seconds in endings:
        if code != 0 or seconds > STOP_WITHIN_S:
            yield f"a worker ended on SIGTERM with {code} after {seconds:.2f} s"
    for one in nursery.own_exits:
        # 3 says that something needed could not be reached, which is so while a server is away.
        if one.code != 3:
            yield f"{one.worker} ended by itself with {one.code}"
