"""The chaos: who is killed when, and what happens to servers and connections meanwhile, drawn from a seed."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from hashlib import sha1
from random import Random
from time import monotonic, sleep

from exitbrain.infrastructure.redis.publisher import PUBLISH
from exitbrain.infrastructure.redis.scripts import ACKNOWLEDGE
from tests.faults.processes.proxy import Fault, Proxy, Switchboard, Trap
from tests.faults.processes.workers import Nursery, Worker

POLL_S = 0.002
STARTING_SHARE = 0.1
READER_SHARE, READER_WITHIN_S = 0.8, 1.0
AWAY_SHARE = 0.02
AWAY_S = 3.5
"""So long a killed worker stays away that its lease passes to another."""

AT_WORK_WITHIN_S = 20.0
TRAP_WITHIN_S = 0.8
COMMIT_WITHIN_S = 0.03
"""A batch is decided and committed within about so long after it was read."""

FREEZE_MAX_S = 3.0
FAULT_MAX_S = 1.0
SERVER_AWAY_MAX_S = 1.0


class Moment(StrEnum):
    """When a worker is killed."""

    ANY = "any moment"
    READING = "entries on their way from Redis"
    COMMITTING = "within 30 ms after reading: deciding, committing"
    COMMIT_SENT = "commit sent to PostgreSQL, no reply yet"
    ACKNOWLEDGING = "committed, acknowledgement not sent"
    ACKNOWLEDGED = "acknowledgement sent, no reply yet"
    PUBLISHING = "publication not sent"
    PUBLISHED = "publication sent, no reply yet"


@dataclass(frozen=True, slots=True)
class Aim:
    """Where the bytes are that tell a moment, and whether the kill comes before they are passed on."""

    marker: bytes
    in_reply: bool = False
    before: bool = True
    at_store: bool = False


def _call_of(script: str) -> bytes:
    """Return what is on the wire when a worker calls a script that its server knows."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest().encode()


TRACED = b"trace_id"
"""What every entry holds that the producer has sent."""

AIMS = {
    Moment.READING: Aim(TRACED, in_reply=True),
    Moment.COMMITTING: Aim(TRACED, in_reply=True, before=False),
    Moment.COMMIT_SENT: Aim(b"COMMIT", before=False, at_store=True),
    Moment.ACKNOWLEDGING: Aim(_call_of(ACKNOWLEDGE)),
    Moment.ACKNOWLEDGED: Aim(_call_of(ACKNOWLEDGE), before=False),
    Moment.PUBLISHING: Aim(_call_of(PUBLISH)),
    Moment.PUBLISHED: Aim(_call_of(PUBLISH), before=False),
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server that can be ended and brought back; `restarts` is how often that is to happen."""

    name: str
    kill: Callable[[], None]
    start: Callable[[], None]
    restarts: int


@dataclass(slots=True)
class Tally:
    """What was done."""

    kills: Counter[Moment] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


class Chaos:
    """Kill workers until their number is reached; servers and connections suffer on the way."""

    def __init__(
        self,
        seed: int,
        nursery: Nursery,
        workers: list[Worker],
        servers: list[Server],
        board: Switchboard,
        pause_s: float,
        reader: Callable[[], str],
    ) -> None:
        self._reader = reader
        self._random = Random(seed)
        self._nursery = nursery
        self._workers = workers
        self._servers = servers
        self._board = board
        self._pause_s = pause_s
        self.tally = Tally()

    def run(self, kills: int, progress: Callable[[int], None]) -> None:
        """Return after the last kill with every worker started again and every server there."""
        random = self._random
        plan = {
            server.name: sorted(random.randrange(kills) for _ in range(server.restarts))
            for server in self._servers
        }
        for number in range(kills):
            sleep(random.uniform(0, 2 * self._pause_s))
            if random.random() < 0.4:
                self._disturb()
            for server in self._servers:
                while plan[server.name] and plan[server.name][0] <= number:
                    plan[server.name].pop(0)
                    self._restart(server)
            self._kill()
            progress(number + 1)

    def calm(self) -> None:
        """End every fault, and every connection with it: a dead one must not pass for a late one."""
        for proxy in self._proxies():
            proxy.fault = Fault.NONE
            proxy.trap = None
            proxy.cut()

    def revive(self) -> None:
        """Start every worker that is not alive, as whoever supervises processes would."""
        for worker in self._workers:
            if not self._nursery.alive(worker.pid):
                if worker.pid:
                    self._nursery.bury(worker)
                self._nursery.start(worker)

    def _kill(self) -> None:
        worker = self._one_at_work()
        moment = self._random.choice([Moment.ANY, *self._moments(worker)])
        reached = moment if self._killed_at(moment, worker) else Moment.ANY
        self._nursery.bury(worker)
        if worker.killed:
            self.tally.kills[reached] += 1
        if self._random.random() < AWAY_SHARE:
            self.tally.faults["away until its lease has passed"] += 1
            sleep(AWAY_S)
        self.revive()

    def _moments(self, worker: Worker) -> list[Moment]:
        """Return the moments that can come: one who stands by is given nothing and sends nothing."""
        if worker not in self._readers():
            return []
        return [moment for moment, aim in AIMS.items() if not aim.at_store or worker.store is not None]

    def _one_at_work(self) -> Worker:
        """Return one of the workers that have begun to work; one in ten is drawn from all, starting or not.

        The one that holds the lease comes more often than the others, who have little to be killed at.
        """
        if self._random.random() < STARTING_SHARE:
            return self._random.choice(self._workers)
        reader = self._random.random() < READER_SHARE and self._first_at_work(self._readers, READER_WITHIN_S)
        return reader or self._first_at_work(lambda: self._workers, AT_WORK_WITHIN_S) or self._workers[0]

    def _first_at_work(self, of: Callable[[], list[Worker]], within_s: float) -> Worker | None:
        """Wait until some of these workers are at work and draw one of them; None when none is in time."""
        deadline = monotonic() + within_s
        while monotonic() < deadline:
            self.revive()
            sleep(POLL_S)
            if at_work := [worker for worker in of() if worker.at_work]:
                return self._random.choice(at_work)
        return None

    def _readers(self) -> list[Worker]:
        name = self._reader()
        return [worker for worker in self._workers if worker.name == name]

    def _killed_at(self, moment: Moment, worker: Worker) -> bool:
        """Kill a worker at a moment, or soon at any when that does not come; return whether it came."""
        if moment is Moment.ANY:
            self._nursery.kill(worker)
            return True
        aim = AIMS[moment]
        proxy = worker.store if aim.at_store and worker.store is not None else worker.redis
        sprung = threading.Event()
        spring = partial(self._spring, worker, moment, self._random.uniform(0, COMMIT_WITHIN_S), sprung)
        proxy.trap = Trap(aim.marker, aim.in_reply, aim.before, spring)
        came = sprung.wait(TRAP_WITHIN_S)
        proxy.trap = None
        if not came and not sprung.is_set():
            self._nursery.kill(worker)
        return came

    def _spring(self, worker: Worker, moment: Moment, after_s: float, sprung: threading.Event) -> None:
        """Kill from within the event loop of the proxies, at once or, for a commit, a little later."""

        def kill() -> None:
            self._nursery.kill(worker)
            sprung.set()

        if moment is Moment.COMMITTING:
            self._board.loop.call_later(after_s, kill)
        else:
            kill()

    def _restart(self, server: Server) -> None:
        self.tally.restarts[server.name] += 1
        server.kill()
        sleep(self._random.uniform(0, SERVER_AWAY_MAX_S))
        server.start()

    def _disturb(self) -> None:
        """Let one proxy misbehave for a while."""
        random = self._random
        proxy = random.choice(self._proxies())
        fault = random.choice([Fault.NONE, Fault.DELAY, Fault.SWALLOW, Fault.FREEZE, Fault.REFUSE])
        self.tally.faults["cut" if fault is Fault.NONE else fault.value] += 1
        if fault is Fault.NONE:
            proxy.cut()
            return
        seconds = random.uniform(0, FREEZE_MAX_S if fault is Fault.FREEZE else FAULT_MAX_S)
        proxy.fault = fault
        self._board.loop.call_soon_threadsafe(
            self._board.loop.call_later, seconds, partial(self._end_of_fault, proxy, fault)
        )

    def _end_of_fault(self, proxy: Proxy, fault: Fault) -> None:
        if proxy.fault is fault:
            proxy.fault = Fault.NONE
        if fault is Fault.FREEZE and proxy.ends_frozen:
            proxy.cut()

    def _proxies(self) -> list[Proxy]:
        return [
            proxy for worker in self._workers for proxy in (worker.redis, worker.store) if proxy is not None
        ]
