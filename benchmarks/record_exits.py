"""Record what vectorbt finds, for the tests: `python -m benchmarks.record_exits FOLDER`.

FOLDER holds the recorded data, as EXITBRAIN_TEST_DATA names it. Run it in the environment of `make bench`.
"""

import json
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.vectorbt_exits import vectorbt_exits
from exitbrain.infrastructure.lab.arrays import Integers, Mask
from tests.property.exits_of_vectorbt import FILE, digest_of, recorded_entries, rows_of
from tests.property.one_target import Exits, OneTarget, Prices
from tests.property.seeded_walks import RULES, seeded_walks


def main(folder: Path) -> None:
    """Write the file."""
    told = {
        "vectorbt": version("vectorbt"),
        "recorded_on": datetime.now(UTC).date().isoformat(),
        "on_walks": {
            name: [rows_of(vectorbt_exits(*walk, rule)) for walk in seeded_walks()]
            for name, rule in RULES.items()
        },
        "on_recorded_candles": {
            name: digest_of(exits_from_each(*each, rule) for each in recorded_entries(folder))
            for name, rule in RULES.items()
        },
    }
    # Each list of figures on a line of its own.
    text = re.sub(r"(\"\w+\":\[)(?=[\d-])", r"\n\1", json.dumps(told, separators=(",", ":")))
    FILE.write_text(text + "\n")


def exits_from_each(prices: Prices, entry_bars: Integers, rule: OneTarget) -> Exits:
    """Return the exit of a position from each of these bars of one market, whatever the others do."""
    return vectorbt_exits(*_each_in_its_column(prices, entry_bars), rule)


def _each_in_its_column(prices: Prices, entry_bars: Integers) -> tuple[Prices, Mask]:
    """Return the candles of one market once for each entry, so that vectorbt walks every one."""

    def repeated(column: Iterable[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.repeat(np.asarray(column)[:, None], len(entry_bars), axis=1)

    signals = np.zeros((len(prices.open), len(entry_bars)), dtype=np.bool_)
    signals[entry_bars, np.arange(len(entry_bars))] = True
    return Prices(*(repeated(x) for x in (prices.open, prices.high, prices.low, prices.close))), signals


if __name__ == "__main__":
    main(Path(sys.argv[1]))
