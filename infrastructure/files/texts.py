"""Read texts of other programs: with or without byte order mark, packed or not; refuse other encodings."""

import codecs
import re
from collections.abc import Mapping
from pathlib import Path

from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.files.opened import read_document

MARK = "\ufeff"
"""The byte order mark, as a character."""

_SAMPLE = 256
_CTRL_Z = b"\x1a"
# A mark may begin any line: files are joined. Ctrl-Z ended the texts of DOS, and still ends what Windows joins.
_NO_CONTENT = re.compile(rb"(?m)^(?:\xef\xbb\xbf|\x1a)+|\x1a+\s*\Z")


class NotUtf8(ExitBrainError, ValueError):
    """A text is not in UTF-8; the message continues a sentence that begins with the name of the text."""


def read_text(path: Path) -> str:
    """Return the text of a file that is held whole, unpacked where it is gzip; raises NotUtf8 and one of UNREADABLE."""
    return text_of(read_document(path))


def text_of(content: bytes) -> str:
    """Return what bytes say, without byte order marks; raises NotUtf8."""
    plain = utf8_of(content)
    try:
        return plain.decode()
    except UnicodeDecodeError as error:
        line = plain.count(b"\n", 0, error.start) + 1
        raise NotUtf8(f"it is not UTF-8 ({error.reason} in line {line})") from error


def utf8_of(content: bytes) -> bytes:
    """Return a text without byte order marks, still as bytes; raises NotUtf8 where it is UTF-16 or UTF-32."""
    encoding = other_encoding(content)
    if encoding is not None:
        raise NotUtf8(f"it is {encoding}; save it as UTF-8")
    return without_marks(content)


def without_marks(content: bytes) -> bytes:
    """Return a text, or one line, without the byte order marks that begin its lines and the Ctrl-Z that ends it."""
    if _CTRL_Z not in content and (content.isascii() or codecs.BOM_UTF8 not in content):
        return content  # nearly all do
    return _NO_CONTENT.sub(b"", content)


def other_encoding(content: bytes) -> str | None:
    """Return "UTF-16" or "UTF-32" where a text begins as in that encoding, None for any other.

    Without a byte order mark it shows by NUL bytes: where the upper bytes of ASCII are, and hardly anywhere else.
    """
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    quarter = min(len(content), _SAMPLE) // 4
    nuls = [content[place : 4 * quarter : 4].count(0) for place in range(4)]
    even, odd = nuls[0] + nuls[2], nuls[1] + nuls[3]
    if max(even, odd) > max(quarter, 8 * min(even, odd)):
        return "UTF-16"
    fewer, more = sorted((nuls[0], nuls[3]))
    if quarter == more > 8 * fewer and nuls[1] + nuls[2] > quarter:
        return "UTF-32"
    return None


def holds_mark(json_text: str) -> bool:
    """Return whether a JSON text may hold names or values that begin with a byte order mark."""
    if "\\" not in json_text and json_text.isascii():
        return False  # nearly all
    return MARK in json_text or "\\ufeff" in json_text or "\\uFEFF" in json_text


def unmarked(said: Mapping[str, object]) -> dict[str, object]:
    """Return names and values without byte order marks: who reads a table with its mark sends it on with a cell."""
    return {
        name.lstrip(MARK): value.lstrip(MARK) if isinstance(value, str) else value
        for name, value in said.items()
    }
