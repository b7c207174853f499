"""The exits that vectorbt finds, as they were recorded: vectorbt itself is only in the environment of `make bench`.

`python -m benchmarks.record_exits` there writes the file anew. On recorded candles a digest is kept, for the candles
are not ours to copy.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from exitbrain.infrastructure.lab.arrays import Integers
from tests.property.one_target import Exits, Prices
from tests.property.recorded_candles import recorded_files, recorded_prices

FILE = Path(__file__).with_suffix(".json")


@cache
def recorded() -> dict[str, Any]:
    """Return what the file says."""
    told: dict[str, Any] = json.loads(FILE.read_text())
    return told


def exits_on_walks(rule: str) -> list[Exits]:
    """Return the exits on each seeded walk, in the order of column and entry."""
    return [_exits(rows) for rows in recorded()["on_walks"][rule]]


def _exits(rows: dict[str, list[Any]]) -> Exits:
    column, entry_bar, exit_bar = (
        np.array(rows[name], dtype=np.int64) for name in ("column", "entry_bar", "exit_bar")
    )
    price = np.array([np.nan if one is None else one for one in rows["price"]])
    return Exits(column, entry_bar, exit_bar, price)


def rows_of(exits: Exits) -> dict[str, list[Any]]:
    """Return exits as the file holds them."""
    return {
        "column": exits.column.tolist(),
        "entry_bar": exits.entry_bar.tolist(),
        "exit_bar": exits.exit_bar.tolist(),
        "price": [None if np.isnan(price) else price for price in exits.price.tolist()],
    }


def recorded_entries(shared_data: Path) -> Iterator[tuple[Prices, Integers]]:
    """Yield the candles of each recorded file, and bars to enter at."""
    files = recorded_files(shared_data, "binance-usdm-1h", "binance-usdm-1m", "binance-spot-1m")
    for number, path in enumerate(files):
        prices = recorded_prices(path)
        bars = len(prices.open)
        entries = np.random.RandomState(number).randint(0, bars - 1, 200_000 // bars)
        yield prices, entries.astype(np.int64)


def digest_of(found: Iterable[Exits]) -> str:
    """Return a digest of bars and prices, to the bit."""
    digest = sha256()
    for exits in found:
        digest.update(exits.entry_bar.tobytes() + exits.exit_bar.tobytes() + exits.price.tobytes())
    return digest.hexdigest()
