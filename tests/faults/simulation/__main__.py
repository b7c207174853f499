"""`python -m tests.faults.simulation --seeds 0:100000 --processes 2`: many schedules, and what went wrong in them."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from multiprocessing import get_context
from time import monotonic

from tests.faults.simulation.faults import Kind
from tests.faults.simulation.runs import Run, run

TELL_EVERY_S = 5.0


def main() -> int:
    """Run the schedules; return 1 when a promise was broken in one of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0:2000", help="FROM:TO (TO not included), or one seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    first, _, end = options.seeds.partition(":")
    seeds = range(int(first), int(end) if end else int(first) + 1)

    faults: Counter[Kind] = Counter()
    receipts: Counter[str] = Counter()
    messages, virtual_s, broken = 0, 0.0, 0
    digest = sha256()
    began = told = monotonic()
    for number, one in enumerate(_runs(seeds, options.processes), start=1):
        faults += one.faults
        receipts += one.receipts
        messages += one.messages
        virtual_s += one.seconds
        digest.update(one.digest.encode())
        if one.violations:
            broken += 1
            _say(f"seed {one.seed}: " + "; ".join(one.violations))
            _say(f"  again: python -m tests.faults.simulation --seeds {one.seed}")
        if monotonic() - told > TELL_EVERY_S:
            told = monotonic()
            _say(f"{number} of {len(seeds)} schedules, {broken} with a broken promise")

    _say(f"{len(seeds)} schedules in {monotonic() - began:.0f} s, {virtual_s / 3600:.1f} virtual hours")
    _say(f"{messages} messages, {faults.total()} faults:")
    for kind in Kind:
        _say(f"  {faults[kind]:>9}  {kind}")
    _say(f"{receipts.total()} receipts:")
    for reason, count in receipts.most_common():
        _say(f"  {count:>9}  {reason}")
    _say(f"digest of all logs and streams: {digest.hexdigest()}")
    _say(f"schedules with a broken promise: {broken}")
    return 1 if broken else 0


def _runs(seeds: range, processes: int) -> Iterator[Run]:
    """Yield the runs in the order of their seeds, so that the digest of all does not depend on the processes."""
    if processes == 1:
        yield from map(run, seeds)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(run, seeds, chunksize=20)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
