"""The recorded candles and trades of ../shared/data/market as columns."""

import csv
import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.property.one_target import Prices


def recorded_files(shared_data: Path, *folders: str) -> list[Path]:
    """Return the candle files of these folders of market data."""
    return sorted(path for folder in folders for path in (shared_data / "market" / folder).glob("*.csv.gz"))


def columns_of(path: Path, *names: str) -> list[npt.NDArray[np.float64]]:
    """Return columns of a recorded file as doubles."""
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    return [np.array([float(row[name]) for row in rows]) for name in names]


def recorded_prices(path: Path) -> Prices:
    """Return the candles of one file."""
    return Prices(*columns_of(path, "open", "high", "low", "close"))
