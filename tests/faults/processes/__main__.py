"""`python -m tests.faults.processes --kills 1000 --store sqlite`: the long run, with its figures in the end."""

import argparse
import re
import sys
from collections import defaultdict
from dataclasses import asdict
from time import monotonic, time_ns

import msgspec

from tests.faults.processes.run import Plan, Report, perform

SAMPLES_MAX = 3


def main() -> int:
    """Run as the command line says; return 1 when a promise was broken."""
    plan = _plan()
    began = monotonic()

    def progress(done: int) -> None:
        if done % max(1, plan.kills // 40) == 0:
            _say(f"{done:5} of {plan.kills} kills, {monotonic() - began:6.0f} s, seed {plan.seed}")

    _say(f"seed {plan.seed}: the same choices again, at moments that real time moves a little")
    report = perform(plan, progress)
    _tell(report)
    return 1 if report.broken else 0


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.processes", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=time_ns() % 1_000_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--rate", type=float, default=15.0, help="messages a second")
    parser.add_argument("--redis", choices=("current", "redis-6.2"), default="current")
    parser.add_argument("--symbols", type=int, default=40)
    parser.add_argument(
        "--pause", type=float, default=0.1, help="mean seconds between kills, beside all waiting"
    )
    given = parser.parse_args()
    return Plan(
        given.kills,
        given.store,
        given.seed,
        given.workers,
        redis_restarts=max(1, given.kills // 40),
        store_restarts=max(1, given.kills // 20) if given.store == "postgresql" else 0,
        rate_per_s=given.rate,
        symbols=given.symbols,
        pause_s=given.pause,
        redis_kind=given.redis,
    )


def _tell(report: Report) -> None:
    for name, log in report.logs.items():
        _say(f"--- the end of the log of {name}\n{log[-5000:]}")
    facts = asdict(report)
    del facts["logs"]
    facts["broken"] = _samples(report.broken)
    _say(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
    _say("every promise kept" if not report.broken else f"{len(report.broken)} promises broken")


def _samples(broken: list[str]) -> list[str]:
    """Return a few of each kind: what differs in its numbers alone is of one kind."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for one in broken:
        kinds[re.sub(r"[0-9a-f-]*[0-9][0-9a-f-]*", "N", one)].append(one)
    samples: list[str] = []
    for alike in kinds.values():
        samples += alike[:SAMPLES_MAX]
        if len(alike) > SAMPLES_MAX:
            samples.append(f"and {len(alike) - SAMPLES_MAX} more like it")
    return samples


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
