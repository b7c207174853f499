"""Runs by seed: what one came to, and the digest of the bytes it left."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from tests.faults.simulation import virtual_time
from tests.faults.simulation.checker import logs_of, violations
from tests.faults.simulation.faults import Kind
from tests.faults.simulation.live_worker import Parts
from tests.faults.simulation.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Run:
    """What the run of one seed came to; `seconds` are virtual, `digest` is that of log and streams."""

    seed: int
    violations: list[str]
    faults: Counter[Kind]
    messages: int
    seconds: float
    digest: str


HEALTHY = Parts()


def run(seed: int, parts: Parts = HEALTHY) -> Run:
    """Run the schedule of a seed and check what it left."""
    evidence = virtual_time.run(Schedule(seed, parts).run())
    digest = sha256()
    for part in logs_of(evidence):
        digest.update(part)
    return Run(
        seed,
        violations(evidence),
        evidence.faults.counts,
        len(evidence.produced),
        evidence.seconds,
        digest.hexdigest(),
    )


def digest_of(runs: Iterable[Run]) -> str:
    """Return one digest over all that some runs left."""
    digest = sha256()
    for one in runs:
        digest.update(one.digest.encode())
    return digest.hexdigest()
