"""The attacks on names at full size: `python -m tests.attacks.full_size_names`."""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from exitbrain.infrastructure.observability.metric_families import SYMBOLS_MAX
from tests.attacks.attacked import MIB, attacked, exitbrain
from tests.attacks.test_names import TRADED, shown, told
from tests.unit.observation.live_path import Told
from tests.world import World

INVENTED, INVENTED_IN_METRICS = 100_000, 10_000
PEAK_MAX = 300 * MIB


def invented_symbols_take_little_memory() -> str:
    """Take in an opening of each of many invented symbols, and return what it took."""
    with TemporaryDirectory() as folder:
        path = Path(folder)
        with (path / "flood.jsonl").open("w") as file:
            file.writelines(_line(number) for number in range(INVENTED))
        ended = attacked(*exitbrain("ingest", "flood.jsonl", "--json"), cwd=path, env=os.environ)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["accepted"] == INVENTED
    assert ended.peak_bytes < PEAK_MAX, ended.peak_bytes
    return f"{INVENTED} invented symbols: {ended.processor_s:.1f} s, peak {ended.peak_bytes / MIB:.0f} MiB"


def traded_symbols_stay_in_the_metrics() -> str:
    """Flood the metrics with invented symbols while a few are traded."""
    world, worker = World(), Told()
    for at in range(0, INVENTED_IN_METRICS, 100):
        told(worker.journal, world, [f"X{number}USDT" for number in range(at, at + 100)])
        told(worker.journal, world, [*TRADED])
    assert shown(worker.metrics) >= {*TRADED}
    assert len(shown(worker.metrics)) == SYMBOLS_MAX
    return f"{INVENTED_IN_METRICS} invented symbols: the {len(TRADED)} traded ones are shown"


def _line(number: int) -> str:
    said = {"symbol": f"X{number}USDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 20}
    entry = {
        "stream": "quantum:stream:trade.intent",
        "stream_id": f"{1767268800000 + number}-0",
        "fields": {"payload": json.dumps(said)},
    }
    return f"{json.dumps(entry)}\n"


def main() -> int:
    for attack in (traded_symbols_stay_in_the_metrics, invented_symbols_take_little_memory):
        sys.stdout.write(f"{attack()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
