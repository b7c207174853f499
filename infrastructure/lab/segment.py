"""One file of the mirror: the decisions of a closed range of log positions, with a content hash in its name.

A segment is complete or absent: it is written under another name, synced to disk, and renamed. Content is
hashed before it is read, so a damaged or edited file is never used.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from exitbrain import __version__
from exitbrain.application.ports.exit_ledger import LedgerError
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS, FileRefused
from exitbrain.infrastructure.files.opened import UNREADABLE, open_file, reason_of
from exitbrain.infrastructure.files.written import unfinished_file
from exitbrain.infrastructure.lab.constant_columns import constants_in, constants_of, filled
from exitbrain.infrastructure.lab.decision_columns import COLUMNS, TEXTS, DecisionColumns, joined

FORMAT = f"1 {__version__}"
"""The `regular` rows depend on how a version writes them, so a segment is valid for its version only."""

ROWS_AT_ONCE = 1 << 16
"""Rows that are read and processed together: a few megabytes, which stay in the caches."""

_NAME = re.compile(r"(?P<first>\d{12,})-(?P<last>\d{12,})-(?P<content>[0-9a-f]{16})\.parquet")
_ENCODED = {"log_position": "DELTA_BINARY_PACKED"}
_SAMPLE, _FEW = 1_000, 50


class SegmentDamaged(LedgerError):
    """A segment does not match its name, or was written for another version; the message names it."""


class AnotherStore(LedgerError):
    """A mirror belongs to another store; the message names it."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A file of the mirror as described by its name, not yet read."""

    first: int
    last: int
    content: str
    path: Path

    @classmethod
    def at(cls, path: Path) -> "Segment | None":
        """Return the segment at a path, None for another kind of file."""
        named = _NAME.fullmatch(path.name)
        if named is None:
            return None
        return cls(int(named["first"]), int(named["last"]), named["content"], path)


class OpenSegment:
    """A segment with a verified hash, read part by part.

    `stored_sha256` is the hash of its decisions in the store.
    """

    def __init__(self, content: pa.Buffer, about: Mapping[str, str]) -> None:
        self._content = content
        self._constants = constants_in(about["constants"])
        self.stored_sha256 = about["stored_sha256"]

    def parts(self, names: Sequence[str] | None = None) -> Iterator[DecisionColumns]:
        """Yield the rows, or some of their columns, in parts that reuse memory."""
        reader = pq.ParquetFile(pa.BufferReader(self._content))
        wanted = COLUMNS if names is None else names
        stored = [name for name in wanted if name not in self._constants]
        for group in range(reader.num_row_groups):
            known = filled(self._constants, wanted, reader.metadata.row_group(group).num_rows)
            yield DecisionColumns.of_table(
                reader.read_row_group(group, columns=stored, use_threads=False), known
            )

    def columns(self, names: Sequence[str] | None = None) -> DecisionColumns:
        """Return all rows, or some of their columns."""
        return joined(list(self.parts(names)))


def write_segment(
    folder: Path, store_id: str, first: int, last: int, columns: DecisionColumns, stored_sha256: str
) -> Segment:
    """Write the decisions of a closed range of log positions; an interrupted write leaves no segment."""
    about = {
        "format": FORMAT,
        "store": store_id,
        "range": f"{first}-{last}",
        "stored_sha256": stored_sha256,
        "rows": str(len(columns)),
        "constants": constants_of(columns),
        "regular": str(np.count_nonzero(columns.regular)),
    }
    table = columns.to_table().replace_schema_metadata({f"exitbrain.{key}": about[key] for key in about})
    name = f"{first:012d}-{last:012d}"
    with unfinished_file(folder, f"segment {name} of mirror {folder}") as unfinished:
        pq.write_table(
            table,
            unfinished.file,
            row_group_size=ROWS_AT_ONCE,
            compression="none",  # random doubles hardly shrink, and plain pages are simply copied
            use_dictionary=_repetitive(table),
            column_encoding=_ENCODED,
            write_statistics=False,
        )
        unfinished.file.flush()
        with pa.memory_map(str(unfinished.path)) as written:
            content = sha256(written.read_buffer()).hexdigest()[:16]
        path = folder / f"{name}-{content}.parquet"
        unfinished.finish(path)
        sync_folder(folder)
    return Segment(first, last, content, path)


@contextmanager
def opened_segment(segment: Segment, store_id: str) -> Iterator[OpenSegment]:
    """Open a segment after verifying its hash. Raises SegmentDamaged and AnotherStore."""
    try:
        content = _mapped(segment)
        if sha256(content).hexdigest()[:16] != segment.content:
            raise SegmentDamaged(f"segment {segment.path.name} is damaged: its content has another hash")
        about = _about_of(content)
    except (*UNREADABLE, pa.ArrowInvalid) as error:
        raise SegmentDamaged(f"segment {segment.path.name} is damaged: {reason_of(error)}") from error
    _check(segment, about, store_id)
    yield OpenSegment(content, about)


def read_segment(segment: Segment, store_id: str, names: Sequence[str] | None = None) -> DecisionColumns:
    """Return the rows of a segment, or some of their columns. Raises SegmentDamaged and AnotherStore."""
    with opened_segment(segment, store_id) as found:
        return found.columns(names)


def label_of(segment: Segment) -> dict[str, str]:
    """Return the unchecked label of a segment, with `store`, `rows`, the number of `regular` rows, and more.

    Empty if the segment is too damaged.
    """
    try:
        return _about_of(_mapped(segment))
    except (*UNREADABLE, pa.ArrowInvalid):
        return {}


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mapped(segment: Segment) -> pa.Buffer:
    """Return the content of a segment, memory-mapped. Raises one of UNREADABLE."""
    with open_file(segment.path, DEFAULT_LIMITS) as file:
        if not file.peek(1):
            raise FileRefused("it is empty")
        return pa.py_buffer(mmap(file.fileno(), 0, access=ACCESS_READ))


def _about_of(content: pa.Buffer) -> dict[str, str]:
    """Return a segment's label after checking its sizes. Raises FileRefused."""
    told = pq.read_metadata(pa.BufferReader(content))
    groups = [told.row_group(number) for number in range(told.num_row_groups)]
    if any(group.num_rows > ROWS_AT_ONCE for group in groups):
        raise FileRefused(f"a group of its rows has more than {ROWS_AT_ONCE:,}")
    DEFAULT_LIMITS.check_rows(sum(group.num_rows for group in groups))
    DEFAULT_LIMITS.check_ratio(sum(group.total_byte_size for group in groups), content.size)
    return _about(told.metadata or {})


def _about(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    prefix = b"exitbrain."
    return {
        key.removeprefix(prefix).decode(): value.decode()
        for key, value in metadata.items()
        if key.startswith(prefix)
    }


def _check(segment: Segment, about: Mapping[str, str], store_id: str) -> None:
    name = segment.path.name
    if about.get("format") != FORMAT:
        raise SegmentDamaged(
            f"segment {name} was written for version {about.get('format')!r}, this one needs {FORMAT!r}"
        )
    if about["range"] != f"{segment.first}-{segment.last}":
        raise SegmentDamaged(f"segment {name} is damaged: it holds the log positions {about['range']}")
    if about["store"] != store_id:
        raise AnotherStore(f"mirror {segment.path.parent} belongs to another store")


def _repetitive(table: pa.Table) -> list[str]:
    """Return the columns worth a dictionary: texts, and numbers with few values in a sample."""
    few = [
        name
        for name in table.column_names
        if name not in (*TEXTS, *_ENCODED)
        and not pa.types.is_boolean(table.schema.field(name).type)
        and len(table.column(name).slice(0, _SAMPLE).unique()) <= _FEW
    ]
    return [*TEXTS, *few]
