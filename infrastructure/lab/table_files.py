"""Tables from files of any of the forms that market data come in."""

import lzma
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.infrastructure.lab.arrow_tables import table_from_arrow
from exitbrain.infrastructure.lab.csv_tables import table_from_csv
from exitbrain.infrastructure.lab.tables import Table, Wanted
from exitbrain.infrastructure.lab.unpacking import unpacked
from exitbrain.infrastructure.text_files import NotUtf8, utf8_of
from exitbrain.infrastructure.wire.scalars import shown

ENDINGS = (".csv", ".csv.gz", ".csv.zip", ".zip", ".parquet", ".feather")
_OF_ARROW = (".parquet", ".feather")
_DAMAGED = (
    *(OSError, EOFError, NotUtf8, pa.ArrowException),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError),  # of archives
)


def read_table(path: Path, wanted: Wanted) -> Table:
    """Read the wanted columns, found by their names or, without a header, by their order; raises MarketUnreadable."""
    try:
        if path.name.lower().endswith(_OF_ARROW):
            return table_from_arrow(path, wanted)
        return table_from_csv(path, utf8_of(unpacked(path)), wanted)
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        raise MarketUnreadable(f"{path} can not be read: {shown(reason)}") from error
