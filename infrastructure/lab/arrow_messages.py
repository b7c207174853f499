"""Compute the unpacked size of an Arrow stream from its metadata, before the library unpacks it.

The metadata is a FlatBuffer, https://github.com/apache/arrow/blob/main/format/Message.fbs; a compressed
buffer begins with its unpacked length.
"""

import struct
from dataclasses import dataclass

import pyarrow as pa

from exitbrain.infrastructure.files.limits import FileRefused

_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_HEADER_TYPE, _HEADER = 1, 2
_DATA = 1
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3
_BUFFER = struct.Struct("<qq")


@dataclass(slots=True)
class Sizes:
    """The rows of a file, and the unpacked bytes of its columns."""

    rows: int = 0
    unpacked: int = 0


def sizes_of(messages: pa.ipc.MessageReader) -> Sizes:
    """Return the total size of all batches of a stream; raises FileRefused if it is damaged."""
    sizes = Sizes()
    try:
        for message in messages:
            _add(sizes, message)
    except (struct.error, ValueError) as error:
        raise FileRefused("its metadata is damaged") from error
    return sizes


def _add(sizes: Sizes, message: pa.ipc.Message) -> None:
    root = _Flat(message.metadata.to_pybytes()).root()
    kind = root.number(_HEADER_TYPE, "<B")
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return
    batch = root.table(_HEADER)
    if kind == _DICTIONARY_BATCH:
        batch = batch.table(_DATA)
    else:
        sizes.rows += batch.number(_LENGTH, "<q")
    is_packed = batch.has(_COMPRESSION)
    body = memoryview(message.body) if message.body is not None else memoryview(b"")
    for offset, length in batch.structs(_BUFFERS):
        unpacked = struct.unpack_from("<q", body, offset)[0] if is_packed and length else length
        sizes.unpacked += max(unpacked, length)


class _Flat:
    """A table of a FlatBuffer, read by field number."""

    def __init__(self, content: bytes, at: int = 0) -> None:
        self._content = content
        self._at = at

    def root(self) -> "_Flat":
        return self._pointed_at(0)

    def has(self, field: int) -> bool:
        return self._place(field) is not None

    def number(self, field: int, form: str) -> int:
        place = self._place(field)
        number: int = 0 if place is None else struct.unpack_from(form, self._content, place)[0]
        return number

    def table(self, field: int) -> "_Flat":
        place = self._place(field)
        if place is None:
            raise ValueError("a table is missing")
        return self._pointed_at(place)

    def structs(self, field: int) -> list[tuple[int, int]]:
        """Return pairs of 64-bit numbers."""
        place = self._place(field)
        if place is None:
            return []
        at = self._pointed_at(place)._at
        (count,) = struct.unpack_from("<I", self._content, at)
        return list(_BUFFER.iter_unpack(self._content[at + 4 : at + 4 + count * _BUFFER.size]))

    def _pointed_at(self, place: int) -> "_Flat":
        return _Flat(self._content, place + struct.unpack_from("<I", self._content, place)[0])

    def _place(self, field: int) -> int | None:
        (back,) = struct.unpack_from("<i", self._content, self._at)
        table = self._at - back
        (size,) = struct.unpack_from("<H", self._content, table)
        entry = 4 + 2 * field
        if entry + 2 > size:
            return None
        (offset,) = struct.unpack_from("<H", self._content, table + entry)
        return self._at + offset if offset else None
