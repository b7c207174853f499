"""`python -m tests.faults.soak --minutes 30`: one worker for long, its connections cut, its memory and every silence seen.

The worker reaches its Redis through a proxy that cuts every connection each 20 to 60 seconds; one time in four they go
dead instead, open and silent. Beside it stands an observer who asks Redis itself what moves and the worker how it is.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic, sleep
from typing import Any

import msgspec
import redis

from tests.faults.processes.checker import violations
from tests.faults.processes.evidence import EVENTS, INCOMING, OUTGOING, gather, group
from tests.faults.processes.proxy import Fault, Proxy, Switchboard
from tests.faults.processes.replays import drifts
from tests.faults.served import Served
from tests.own_time import Clock, wall_time
from tests.servers import RedisServer

SYMBOLS = 40
LOOK_EVERY_S, SAMPLE_EVERY_S, TELL_EVERY_S = 0.5, 10.0, 60.0
CUT_AFTER_S = (20.0, 60.0)
DEAD_ONE_IN, DEAD_FOR_S = 4, 1.0
REPORTED_WITHIN_S = 4.0
"""The promise is three seconds; the rest is for an observer who looks twice a second."""

TELLING_MESSAGES = 20
"""Of so many received messages in a row some are published; of one that asks for nothing, nothing is."""

GROWTH_MAX, GROWTH_JUDGED_FROM_MINUTES = 0.05, 20.0
"""Until the caches are full memory grows, which takes some minutes; a shorter run tells nothing about it."""
SETTLE_WITHIN_S, STOP_WITHIN_S = 60.0, 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how many messages a second, and the seed of messages and cuts."""

    minutes: float
    rate_per_s: float
    seed: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What Redis has seen of the worker: entries sent to it, delivered to it, held by it, published by it."""

    sent: int
    received: int
    pending: int
    published: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The worker at one moment: seconds since the start, resident memory in MB, what had moved."""

    at_s: float
    rss_mb: float
    ready: bool
    moved: Moved


@dataclass(slots=True)
class Report:
    """What came of it; `broken` is empty when every promise was kept. Memory in MB, the median of each third."""

    plan: Plan
    broken: list[str]
    seconds: float
    messages: int
    published: int
    cuts: int
    dead: int
    rss_thirds_mb: tuple[float, float, float]
    rss_max_mb: float
    longest_silence_s: float
    silences_reported: int
    log: dict[str, int]
    stop_code: int
    stop_s: float
    samples: list[Sample] = field(default_factory=list)


class Silence:
    """For how long something has not moved although it should have."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.longest_s = 0.0
        self._clock = clock
        self._since = clock()

    def look(self, *, moves: bool) -> float:
        """Return for how long it has been silent."""
        now = self._clock()
        if moves:
            self._since = now
        self.longest_s = max(self.longest_s, now - self._since)
        return now - self._since


class Observer:
    """Compare what Redis sees of a worker with what the worker says of itself."""

    def __init__(self, client: redis.Redis, worker: Served, clock: Clock) -> None:
        self._client = client
        self._worker = worker
        self._before = Moved(0, 0, 0, 0)
        self._at_publication = 0
        self._unreported = False
        self.intake, self.output = Silence("intake", clock), Silence("output", clock)
        self.reported = 0
        self._was_ready = True
        self.broken: list[str] = []

    def look(self) -> tuple[bool, Moved]:
        """Note a silence that nobody reports; return whether the worker says it is ready, and what has moved."""
        moved, before = _moved(self._client), self._before
        self._before = moved
        if moved.published != before.published:
            self._at_publication = moved.received
        waits = moved.sent > moved.received or moved.pending > 0
        due = moved.received - self._at_publication >= TELLING_MESSAGES
        silences = (
            (self.intake, self.intake.look(moves=moved.received != before.received or not waits)),
            (self.output, self.output.look(moves=moved.published != before.published or not due)),
        )
        ready = self._worker.ready()
        self.reported += self._was_ready and not ready
        self._was_ready = ready
        unreported = [one for one in silences if one[1] > REPORTED_WITHIN_S and ready]
        if unreported and not self._unreported:
            self.broken += [
                f"{one.name} silent for {seconds:.1f} s, unreported" for one, seconds in unreported
            ]
        self._unreported = bool(unreported)
        return ready, moved


class Cuts:
    """Cut the connections of a proxy from time to time."""

    def __init__(self, proxy: Proxy, seed: int) -> None:
        self._proxy = proxy
        self._random = Random(seed)
        self._next = monotonic() + self._random.uniform(*CUT_AFTER_S)
        self._thaw: float | None = None
        self.cuts = self.dead = 0

    def go_on(self) -> None:
        """Do what is due."""
        now = monotonic()
        if self._thaw is not None and now >= self._thaw:
            self._proxy.fault, self._thaw = Fault.NONE, None
        if now < self._next:
            return
        self._next = now + self._random.uniform(*CUT_AFTER_S)
        if self._random.randrange(DEAD_ONE_IN) == 0:
            self.dead += 1
            self._proxy.fault, self._thaw = Fault.FREEZE, now + DEAD_FOR_S
        else:
            self.cuts += 1
            self._proxy.cut()


def soak(plan: Plan, make_clock: Callable[..., Clock] = wall_time) -> Report:
    """Let a worker run, watch it, stop it, and count everything. The clock is made of the processes that it is to watch."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="exitbrain-soak-"))
        stack.callback(shutil.rmtree, folder)
        server = RedisServer("current", append_only=True)
        stack.callback(server.stop)
        board = Switchboard()
        stack.callback(board.close)
        proxy = Proxy(board, server.folder / "redis.sock")
        client = stack.enter_context(
            redis.Redis.from_url(server.url, decode_responses=True, socket_timeout=30)
        )
        store_url, acknowledged = f"sqlite:///{folder}/store.db", folder / "acknowledged"
        with _producer(plan, server.url, acknowledged) as producer:
            worker = Served(
                folder, f"redis://127.0.0.1:{proxy.port}/0", store_url, EXITBRAIN_DEDUPE_BY="trace_id"
            )
            stack.callback(worker.kill)
            clock = make_clock(worker.process.pid, server.pid)
            observer, cuts = Observer(client, worker, clock), Cuts(proxy, plan.seed)
            samples = list(_watch(plan, worker, producer, observer, cuts))
        proxy.fault = Fault.NONE
        _settle(client, observer)
        code, stop_s = worker.stop(clock)
        evidence = gather(store_url, server.url, acknowledged)
        thirds = _thirds(samples)
        broken = [*observer.broken, *violations(evidence), *drifts(store_url), *_grown(plan, thirds)]
        if code != 0 or stop_s > STOP_WITHIN_S:
            broken.append(f"the worker ended on SIGTERM with {code} after {stop_s:.2f} s")
        return Report(
            plan=plan,
            broken=broken,
            seconds=samples[-1].at_s,
            messages=sum(len(evidence.streams[stream]) for stream in INCOMING),
            published=sum(len(evidence.streams[stream]) for stream in OUTGOING),
            cuts=cuts.cuts,
            dead=cuts.dead,
            rss_thirds_mb=thirds,
            rss_max_mb=max(one.rss_mb for one in samples),
            longest_silence_s=round(max(observer.intake.longest_s, observer.output.longest_s), 1),
            silences_reported=observer.reported,
            log=dict(Counter(line["event"] for line in worker.logged() if line["event"] != "summary")),
            stop_code=code,
            stop_s=round(stop_s, 2),
            samples=samples,
        )


def _watch(
    plan: Plan, worker: Served, producer: subprocess.Popen[bytes], observer: Observer, cuts: Cuts
) -> Iterator[Sample]:
    began = monotonic()
    sample_at = tell_at = began
    while (now := monotonic()) < began + 60 * plan.minutes:
        if worker.process.poll() is not None:
            raise RuntimeError(f"the worker ended with {worker.process.returncode}: {worker.logged()[-5:]}")
        if producer.poll() is not None:
            raise RuntimeError(f"the producer ended with {producer.returncode}")
        cuts.go_on()
        ready, moved = observer.look()
        if now >= sample_at:
            sample_at += SAMPLE_EVERY_S
            sample = Sample(round(now - began, 1), round(worker.rss_mb, 1), ready, moved)
            yield sample
            if now >= tell_at:
                tell_at += TELL_EVERY_S
                _say(msgspec.json.encode(sample).decode())
        sleep(LOOK_EVERY_S)


def _moved(client: redis.Redis) -> Moved:
    sent = received = pending = 0
    for stream in INCOMING:
        sent += client.xlen(stream)
        groups: list[dict[str, Any]] = client.xinfo_groups(stream) if client.exists(stream) else []
        received += sum(int(one["entries-read"] or 0) for one in groups)
        pending += sum(int(one["pending"]) for one in groups)
    return Moved(sent, received, pending, client.xlen(EVENTS))


def _settle(client: redis.Redis, observer: Observer) -> None:
    """Wait until nothing is left to do; what is missing after the time allowed is found by the checker."""
    deadline, quiet, before = monotonic() + SETTLE_WITHIN_S, 0, -1
    while monotonic() < deadline and quiet < 4:
        _, moved = observer.look()
        left = any(one.pending or one.undelivered for one in (group(client, stream) for stream in INCOMING))
        quiet = 0 if left or moved.published != before else quiet + 1
        before = moved.published
        sleep(LOOK_EVERY_S)


def _thirds(samples: list[Sample]) -> tuple[float, float, float]:
    size = max(1, len(samples) // 3)
    starts = (0, min(size, len(samples) - 1), len(samples) - size)
    first, second, third = (samples[start : start + size] for start in starts)
    return tuple(median(one.rss_mb for one in part) for part in (first, second, third))  # type: ignore[return-value]  # three parts


def _grown(plan: Plan, thirds: tuple[float, float, float]) -> Iterator[str]:
    _, second, last = thirds
    if plan.minutes >= GROWTH_JUDGED_FROM_MINUTES and last > second * (1 + GROWTH_MAX):
        yield f"memory grew from {second:.1f} MB in the second third to {last:.1f} MB in the last"


@contextmanager
def _producer(plan: Plan, url: str, acknowledged: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let a producer of its own process send; it ends after the message it is at."""
    arguments = [url, str(plan.seed), str(plan.rate_per_s), str(SYMBOLS), str(acknowledged)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.processes.producer", *arguments],
        stdin=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield process
    finally:
        process.communicate(timeout=30)
    if process.returncode != 0:
        raise RuntimeError(f"the producer ended with {process.returncode}")


def main() -> int:
    """Run as the command line says; return 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=50.0, help="messages a second")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    report = soak(Plan(given.minutes, given.rate, given.seed))
    facts = asdict(report)
    facts["samples"] = len(report.samples)
    _say(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
    _say("every promise kept" if not report.broken else f"{len(report.broken)} promises broken")
    return 1 if report.broken else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
