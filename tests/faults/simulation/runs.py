"""Runs by seed: what one came to, and the digest of the bytes it left."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from exitbrain.application.live import publishing
from exitbrain.infrastructure.event_store import ledger as store
from tests.faults.simulation import virtual_time
from tests.faults.simulation.checker import logs_of, receipts_of, violations
from tests.faults.simulation.faults import Kind
from tests.faults.simulation.live_worker import Parts
from tests.faults.simulation.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Run:
    """What the run of one seed came to; `seconds` are virtual, `digest` is that of log and streams.

    `receipts` counts by the reason, or by the disposition where there is none.
    """

    seed: int
    violations: list[str]
    faults: Counter[Kind]
    messages: int
    receipts: Counter[str]
    seconds: float
    digest: str


HEALTHY = Parts()


def run(seed: int, parts: Parts = HEALTHY) -> Run:
    """Run the schedule of a seed and check what it left."""
    with _small_pages():
        evidence = virtual_time.run(Schedule(seed, parts).run())
    digest = sha256()
    for part in logs_of(evidence):
        digest.update(part)
    return Run(
        seed,
        violations(evidence),
        evidence.faults.counts,
        len(evidence.produced),
        Counter(one.reason or one.disposition for one in receipts_of(evidence)),
        evidence.seconds,
        digest.hexdigest(),
    )


@contextmanager
def _small_pages() -> Iterator[None]:
    """Read the log a few rows at a time, as a long one is read: a fault can then fall between two pages."""
    before = store.PAGE, publishing.PAGE
    store.PAGE, publishing.PAGE = 2, 5
    try:
        yield
    finally:
        store.PAGE, publishing.PAGE = before


def digest_of(runs: Iterable[Run]) -> str:
    """Return one digest over all that some runs left."""
    digest = sha256()
    for one in runs:
        digest.update(one.digest.encode())
    return digest.hexdigest()
