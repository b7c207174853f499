"""The hostile files at full size, each read by a process of its own: `python -m tests.attacks.full_size_files`."""

import json
import os
import sys
import tempfile
from pathlib import Path

from tests.attacks.attacked import MIB, attacked, exitbrain
from tests.attacks.hostile_files import CANDLES, POSITION, bombs

SIZE = 4096 * MIB
BOUND_S = 5.0


def main() -> int:
    """Read them all, and return 1 when one of them did not end as it should."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "good.jsonl").write_text(json.dumps(POSITION))
        (folder / "BTCUSDT.csv").write_text(CANDLES)
        for attack in bombs(SIZE):
            path = folder / attack.name
            if not os.path.lexists(path):
                attack.write(path)
            done = attacked(
                *exitbrain(*attack.line(folder)), cwd=folder, env=os.environ, address_space=1024 * MIB
            )
            good = done.code == attack.code and attack.says in done.err and done.processor_s < BOUND_S
            failed += not good
            verdict = "ok" if good else "FAILED"
            said = f"{verdict:6} {done.processor_s:5.1f} s {done.peak_bytes // MIB:5} MiB  {attack.name}: {done.err[:200].strip()}"
            sys.stdout.write(f"{said}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
