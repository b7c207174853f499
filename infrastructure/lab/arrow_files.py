"""Read columns of Parquet and Feather files, after checking from their metadata how large they unpack."""

from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.infrastructure.files.limits import FileLimits
from exitbrain.infrastructure.lab.arrow_messages import Sizes, sizes_of
from exitbrain.infrastructure.lab.tables import TIME_ALLOWED, Column, Wanted
from exitbrain.infrastructure.wire.scalars import shown

Found = tuple[pa.Table, dict[str, str]]
"""The wanted columns, and their names in the file."""

_MAGIC = b"ARROW1\0\0"
_DOUBLE = 8
_METADATA_TEXT_MAX, _METADATA_ITEMS_MAX = 16 * 1024 * 1024, 100_000


def parquet_columns(path: Path, file: BinaryIO, wanted: Wanted, limits: FileLimits) -> Found:
    """Return the wanted columns of a Parquet file; raises MarketUnreadable, FileRefused, ArrowException."""
    limit = {
        "thrift_string_size_limit": _METADATA_TEXT_MAX,
        "thrift_container_size_limit": _METADATA_ITEMS_MAX,
    }
    told = pq.ParquetFile(file, **limit)
    places = _places(path, told.schema_arrow, wanted)
    _check_parquet(told.metadata, set(places.values()), _size_of(file), limits)
    texts = [name for name in places.values() if _is_text(told.schema_arrow.field(name).type)]
    # Keep repeated texts as a dictionary: one text can fill many rows.
    reader = pq.ParquetFile(file, metadata=told.metadata, read_dictionary=texts, **limit)
    groups = [
        reader.read_row_group(number, columns=list(places.values()), use_threads=False)
        for number in range(reader.num_row_groups)
    ]
    table = pa.concat_tables(groups) if groups else told.schema_arrow.empty_table()
    limits.check_rows(table.num_rows)
    return table, places


def feather_columns(path: Path, file: BinaryIO, wanted: Wanted, limits: FileLimits) -> Found:
    """Return the wanted columns of a Feather file; raises MarketUnreadable, FileRefused, ArrowException."""
    if file.read(len(_MAGIC)) != _MAGIC:  # Feather version 1, never compressed
        file.seek(0)
        table = pyarrow.feather.read_table(file)
        limits.check_rows(table.num_rows)
        return table, _places(path, table.schema, wanted)
    sizes = sizes_of(pa.ipc.MessageReader.open_stream(file))
    _check_sizes(sizes, _size_of(file), limits)
    file.seek(len(_MAGIC))
    schema = pa.ipc.read_schema(file)
    places = _places(path, schema, wanted)
    file.seek(len(_MAGIC))
    included = [schema.get_field_index(name) for name in places.values()]
    options = pa.ipc.IpcReadOptions(included_fields=included, use_threads=False)
    return pa.ipc.open_stream(file, options=options).read_all(), places


def wrong_type(path: Path, column: Column, kind: pa.DataType) -> MarketUnreadable:
    """Return the error for a column of an unusable type."""
    allowed = TIME_ALLOWED if column.is_time else "numbers"
    return MarketUnreadable(f"{path}: {column.name} is of type {shown(str(kind))}; allowed: {allowed}")


def _places(path: Path, schema: pa.Schema, wanted: Wanted) -> dict[str, str]:
    """Return the name of each wanted column in a file."""
    places = {name: schema.names[place] for name, place in wanted.places(path, schema.names).items()}
    for column in wanted.columns:
        kind = schema.field(schema.get_field_index(places[column.name])).type
        if pa.types.is_nested(kind):
            raise wrong_type(path, column, kind)
    return places


def _check_parquet(told: pq.FileMetaData, names: set[str], packed: int, limits: FileLimits) -> None:
    groups = [told.row_group(number) for number in range(told.num_row_groups)]
    rows = max(told.num_rows, sum(group.num_rows for group in groups))
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    pages = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in names)
    # Repeated values are stored once, so the page sizes alone can be too small.
    _check_sizes(Sizes(rows, max(pages, rows * len(names) * _DOUBLE)), packed, limits)


def _check_sizes(sizes: Sizes, packed: int, limits: FileLimits) -> None:
    limits.check_rows(sizes.rows)
    limits.check_bytes(sizes.unpacked)
    limits.check_ratio(sizes.unpacked, packed)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _size_of(file: BinaryIO) -> int:
    before = file.tell()
    size = file.seek(0, 2)
    file.seek(before)
    return size
