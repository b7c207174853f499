"""Read tables from market data files in any supported format."""

import zipfile
from pathlib import Path

import pyarrow as pa

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS, FileLimits
from exitbrain.infrastructure.files.opened import UNREADABLE, open_file, reason_of
from exitbrain.infrastructure.files.texts import NotUtf8
from exitbrain.infrastructure.lab.arrow_tables import table_from_arrow
from exitbrain.infrastructure.lab.csv_tables import table_from_csv
from exitbrain.infrastructure.lab.tables import Table, Wanted
from exitbrain.infrastructure.lab.unpacking import open_table
from exitbrain.infrastructure.wire.scalars import shown

ENDINGS = (".csv", ".csv.gz", ".csv.zip", ".zip", ".parquet", ".feather")
_OF_ARROW = (".parquet", ".feather")
_DAMAGED = (
    *(*UNREADABLE, NotUtf8, pa.ArrowException),
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError),  # of archives
)


def read_table(path: Path, wanted: Wanted, limits: FileLimits = DEFAULT_LIMITS) -> Table:
    """Read the wanted columns by name or, without a header, by position; raises MarketUnreadable."""
    try:
        if path.name.lower().endswith(_OF_ARROW):
            with open_file(path, limits) as file:
                return table_from_arrow(path, file, wanted, limits)
        with open_table(path, limits) as content:
            return table_from_csv(path, content, wanted, limits)
    except _DAMAGED as error:
        raise MarketUnreadable(f"{path} cannot be read: {shown(reason_of(error))}") from error
