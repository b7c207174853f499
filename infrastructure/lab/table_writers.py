"""Write Arrow tables to new files of a format, or to a folder of Parquet files."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.files.written import FOLDER_MODE, naming, unfinished_file
from exitbrain.infrastructure.files.written_together import new_files, new_folder
from exitbrain.infrastructure.presentation import spreadsheet

Write = Callable[[pa.Table], None]
"""Adds rows to a file: in Parquet a row group, in a folder a file."""


@contextmanager
def new_tables(name: str, schemas: Mapping[str, pa.Schema], main: str) -> Iterator[dict[str, Write]]:
    """Yield what writes each table; all their files appear together when the block ends, or none does.

    `name` ends in .parquet, .arrow or .csv and is the file of the table `main`; others put the name of the table before
    the ending. A name without an ending is a folder with a folder of Parquet files for each table. Raises NotWritten,
    and InvalidValue for another ending or a file or folder that exists.
    """
    path = Path(name)
    if name.endswith("/") or not path.suffix:
        _check_new(name, [path])
        with new_folder(path) as folder, ExitStack() as stack:
            yield {
                table: stack.enter_context(_parts(folder / table, name, schema))
                for table, schema in schemas.items()
            }
        return
    if path.suffix not in FORMATS:
        endings = ", ".join(FORMATS)
        raise InvalidValue(
            "table", name, f"a file name that ends in {endings}, or a folder without an ending"
        )
    paths = [path if table == main else path.with_suffix(f".{table}{path.suffix}") for table in schemas]
    _check_new(name, paths)
    with new_files(paths) as files, ExitStack() as stack:
        yield {
            table: stack.enter_context(FORMATS[path.suffix](file, schema))
            for (table, schema), file in zip(schemas.items(), files, strict=True)
        }


def _check_new(name: str, paths: list[Path]) -> None:
    for path in paths:
        if path.is_symlink() or path.exists():
            raise InvalidValue("table", name, f"a new path, but {path} exists")


@contextmanager
def _parquet(file: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    repetitive = [field.name for field in schema if pa.types.is_string(field.type)]
    with pq.ParquetWriter(
        file, schema, compression="lz4", use_dictionary=repetitive, write_statistics=_worth_statistics(schema)
    ) as writer:
        yield writer.write_table


@contextmanager
def _arrow(file: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    with pa.ipc.new_file(file, schema) as writer:
        yield writer.write_table


@contextmanager
def _csv(file: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    with pa_csv.CSVWriter(file, schema) as writer:
        yield lambda table: writer.write_table(_guarded(table))


FORMATS: dict[str, Callable[[BinaryIO, pa.Schema], AbstractContextManager[Write]]] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".csv": _csv,
}
"""What writes a file, by its ending."""


@contextmanager
def _parts(folder: Path, name: str, schema: pa.Schema) -> Iterator[Write]:
    """Yield what writes each table to a Parquet file of its own, `part-000000.parquet` and so on."""
    with naming(name):
        folder.mkdir(FOLDER_MODE)
    written = 0

    def write(table: pa.Table) -> None:
        nonlocal written
        with unfinished_file(folder, name) as part:
            with _parquet(part.file, schema) as into:
                into(table)
            part.finish(folder / f"part-{written:06d}.parquet")
        written += 1

    yield write


def _worth_statistics(schema: pa.Schema) -> list[str]:
    """Return the columns by which readers skip row groups: texts, times, whole numbers and flags, but no doubles."""
    return [field.name for field in schema if not pa.types.is_floating(field.type)]


def _guarded(table: pa.Table) -> pa.Table:
    """Return a table in which no text is one that a spreadsheet would run."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(place, field, _guarded_texts(table.column(place)))
    return table


def _guarded_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    parts = [
        pa.array(spreadsheet.row(part.dictionary.to_pylist()), pa.string()).take(part.indices)
        for part in column.dictionary_encode().chunks
    ]
    return pa.chunked_array(parts, pa.string())
