"""Files that are small to send and large, endless or absurd to read, and the commands that read them."""

import gzip
import json
import os
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from tests.attacks.attacked import MIB

T0 = 1_722_470_400_000
MINUTE = 60_000
CANDLES = "".join(f"{T0 + number * MINUTE},1,2,0.5,1.5\n" for number in range(3))
HEADER = "open_time_ms,open,high,low,close\n"
POSITION = {
    "symbol": "BTCUSDT",
    "side": "LONG",
    "entry_price": "1.2",
    "opened_at": T0 + MINUTE,
    "leverage": 10,
}
MESSAGE = {
    "stream": "trade.intent",
    "stream_id": None,
    "fields": {"symbol": "BTCUSDT", "side": "BUY", "leverage": "10"},
}


@dataclass(frozen=True)
class Attack:
    """A file, how it is written, the command that reads it with FILE in its place, and what is said."""

    name: str
    write: Callable[[Path], object]
    command: tuple[str, ...]
    says: str
    code: int = 3

    def __str__(self) -> str:
        return self.name

    def line(self, folder: Path) -> list[str]:
        """Return the command line."""
        return [word.replace("FILE", str(folder / self.name)) for word in self.command]


def packed_zeros(size: int, content: bytes = b"\0") -> bytes:
    """Return gzip that unpacks to so many bytes."""
    part = gzip.compress((content * (16 * MIB // len(content)))[: 16 * MIB], 9)
    return part * (size // (16 * MIB))


def zipped(method: int, size: int) -> Callable[[Path], None]:
    """Write an archive whose one file unpacks to zeros, and whose list of files says that it is small."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", method) as archive, archive.open("a.csv", "w") as member:
            for _ in range(size // MIB):
                member.write(bytes(MIB))
        content = bytearray(path.read_bytes())
        at = content.index(b"PK\1\2")
        struct.pack_into("<I", content, at + 24, 1_000)  # its size, unpacked
        path.write_bytes(content)

    return write


def of_method(method: int) -> Callable[[Path], None]:
    """Write an archive that claims a method which nobody knows."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", CANDLES)
        content = bytearray(path.read_bytes())
        for signature, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
            struct.pack_into("<H", content, content.index(signature) + place, method)
        path.write_bytes(content)

    return write


def repeating(rows: int) -> Callable[[Path], None]:
    """Write Parquet of which each column says the same in every row."""

    def write(path: Path) -> None:
        columns = {name: np.ones(rows // 8) for name in ("open", "high", "low", "close")}
        table = pa.table({"open_time_ms": np.full(rows // 8, T0), **columns})
        with pq.ParquetWriter(path, table.schema, compression="zstd", use_dictionary=True) as writer:
            for _ in range(8):
                writer.write_table(table)

    return write


def long_text(path: Path) -> None:
    """Write Parquet in which one long text stands for many rows."""
    times = pa.DictionaryArray.from_arrays(np.zeros(2_000, dtype=np.int32), ["x" * 2 * MIB])
    columns = {name: np.ones(2_000) for name in ("open", "high", "low", "close")}
    pq.write_table(pa.table({"open_time_ms": times, **columns}), path, compression="zstd")


def feather(rows: int) -> Callable[[Path], None]:
    """Write Feather of which each column says the same in every row."""

    def write(path: Path) -> None:
        columns = {name: np.zeros(rows) for name in ("open", "high", "low", "close")}
        table = pa.table({"open_time_ms": np.zeros(rows, dtype=np.int64), **columns})
        pyarrow.feather.write_feather(table, path, compression="zstd", chunksize=rows)

    return write


def sparse(size: int, beginning: bytes = b"") -> Callable[[Path], None]:
    """Write a file that has so many bytes, and takes none of the disk."""

    def write(path: Path) -> None:
        path.write_bytes(beginning)
        os.truncate(path, size)

    return write


def text(content: str) -> Callable[[Path], object]:
    """Write a text."""
    return lambda path: path.write_text(content, encoding="utf-8")


def gzipped(content: Callable[[], bytes]) -> Callable[[Path], object]:
    """Write what is packed already."""
    return lambda path: path.write_bytes(content())


def bound(path: Path) -> None:
    """Write a socket; its address may only be short."""
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(path.parent, os.O_RDONLY)
        try:
            listening.bind(f"/proc/self/fd/{here}/{path.name}")
        finally:
            os.close(here)


def position(**changes: object) -> Callable[[Path], object]:
    """Write a position; a value `Bare` stands as it is."""
    return text(json.dumps({**POSITION, **changes}) + "\n")


def instrument(tick: str) -> Callable[[Path], object]:
    """Write an instrument with a tick as it is given."""
    return text(f'{{"BTCUSDT": {{"tick_size": {tick}}}}}')


_SIMULATE = ("simulate", "--positions", "good.jsonl", "--candles")
_POSITIONS = ("simulate", "--candles", "BTCUSDT.csv", "--positions", "FILE")
_INGEST = ("ingest", "FILE", "--store", "memory://")
_LEVELS = ("levels", "--leverage", "10", "--entry", "1.23", "--symbol", "BTCUSDT", "--instruments", "FILE")

_REGULAR = "allowed: a regular file"
_SPARSE = "bytes are stored, less than the limit EXITBRAIN_MAX_UNPACK_RATIO"
_ANY_LIMIT = ", the limit EXITBRAIN_MAX_"
_TIMES = "it unpacks to more than 250 times its size, the limit EXITBRAIN_MAX_UNPACK_RATIO"


def bombs(size: int) -> Iterator[Attack]:
    """Yield small files that make `size` bytes."""
    for name, command, says in (
        ("BTCUSDT-1m-bomb.csv.gz", (*_SIMULATE, "FILE"), "line 1 has more than 65,536 bytes"),
        ("bomb.jsonl.gz", _POSITIONS, _TIMES),
        ("bomb.jsonl.gz", _INGEST, _TIMES),
        ("bomb.json.gz", _LEVELS, "it holds more than 8,388,608 bytes"),
    ):
        yield Attack(name, gzipped(lambda: packed_zeros(size)), command, says)
    rows = gzipped(lambda: packed_zeros(size, f"{T0},1,2,0.5,1.5\n".encode()))
    yield Attack("BTCUSDT-1m-rows.csv.gz", rows, (*_SIMULATE, "FILE"), _TIMES)
    yield Attack(
        "BTCUSDT-1m-blank.csv.gz", gzipped(lambda: packed_zeros(size, b"\n")), (*_SIMULATE, "FILE"), _TIMES
    )
    yield Attack(
        "BTCUSDT-1m-padded.csv.gz",
        sparse(size, gzip.compress(CANDLES.encode())),
        (*_SIMULATE, "FILE"),
        _SPARSE,
    )
    for method, kind, made in (
        (zipfile.ZIP_DEFLATED, "deflate", min(size, 2_000 * MIB)),
        (zipfile.ZIP_BZIP2, "bzip2", size // 8),
        (zipfile.ZIP_LZMA, "lzma", size // 8),
    ):
        yield Attack(
            f"BTCUSDT-1m-{kind}.zip", zipped(method, made), (*_SIMULATE, "FILE"), "line 1 has more than"
        )
    yield Attack("BTCUSDT.parquet", repeating(size // 40), (*_SIMULATE, "FILE"), _ANY_LIMIT)
    yield Attack("BTCUSDT.feather", feather(size // 40), (*_SIMULATE, "FILE"), _ANY_LIMIT)
    yield Attack("BTCUSDT-1m-sparse.csv", sparse(size), (*_SIMULATE, "FILE"), _SPARSE)
    yield Attack("sparse.json", sparse(size), _LEVELS, _SPARSE)
    yield Attack("sparse-positions.jsonl", sparse(size), _POSITIONS, _SPARSE)
    yield Attack("sparse.jsonl", sparse(size), _INGEST, _SPARSE)


def others() -> Iterator[Attack]:
    """Yield files that are of no regular kind, or that hold absurd values."""
    yield Attack("BTCUSDT-1m-fifo.csv", os.mkfifo, (*_SIMULATE, "FILE"), _REGULAR)
    yield Attack("fifo.jsonl", os.mkfifo, _INGEST, f"it is a FIFO; {_REGULAR}")
    yield Attack("fifo-positions.jsonl", os.mkfifo, _POSITIONS, f"it is a FIFO; {_REGULAR}")
    yield Attack("fifo.json", os.mkfifo, _LEVELS, f"it is a FIFO; {_REGULAR}")
    yield Attack("socket.jsonl", bound, _INGEST, f"it is a socket; {_REGULAR}")
    yield Attack(
        "device.jsonl", lambda path: path.symlink_to("/dev/zero"), _INGEST, f"it is a device; {_REGULAR}"
    )
    yield Attack("huge.jsonl", sparse(2**40), _INGEST, "the limit EXITBRAIN_MAX_FILE_BYTES")
    yield Attack(
        "BTCUSDT-1m-long.parquet",
        long_text,
        (*_SIMULATE, "FILE"),
        "open_time_ms holds a text of 2,097,152 bytes",
    )
    yield Attack(
        "BTCUSDT-1m-method.zip",
        of_method(77),
        (*_SIMULATE, "FILE"),
        "it is compressed with method 77; allowed",
    )
    yield Attack(
        "BTCUSDT-99999999999999999999999d.csv",
        text(CANDLES),
        (*_SIMULATE, "FILE"),
        "no candles of BTCUSDT in",
    )
    yield Attack(
        "BTCUSDT-1m-header.csv",
        text("x" * 300_000 + "," + HEADER + CANDLES),
        (*_SIMULATE, "FILE"),
        "line 1 has more than",
    )
    yield Attack(
        "BTCUSDT-1m-columns.csv",
        text("a," * 1_000_000 + HEADER + CANDLES),
        (*_SIMULATE, "FILE"),
        "line 1 has more than",
    )
    yield Attack(
        "BTCUSDT-1m-cell.csv",
        text(HEADER + CANDLES.replace("1.5", "9" * 300_000, 1)),
        (*_SIMULATE, "FILE"),
        "line 2",
    )
    yield Attack(
        "BTCUSDT-1m-digits.csv",
        text(HEADER + CANDLES.replace("1.5", "9" * 60_000, 1)),
        (*_SIMULATE, "FILE"),
        "line 2: close is inf",
    )
    yield Attack(
        "BTCUSDT-1m-e400.csv",
        text(HEADER + CANDLES.replace("1.5", "1e400", 1)),
        (*_SIMULATE, "FILE"),
        "line 2: close is inf",
    )
    yield Attack(
        "BTCUSDT-1m-year.csv",
        text(HEADER + CANDLES.replace(str(T0), "99999-01-01T00:00:00Z", 1)),
        (*_SIMULATE, "FILE"),
        "line 2",
    )
    yield Attack(
        "BTCUSDT-1m-time.csv",
        text(HEADER + CANDLES.replace(str(T0), "9" * 5_000, 1)),
        (*_SIMULATE, "FILE"),
        "line 2",
    )
    yield Attack(
        "BTCUSDT-1m-nul.csv",
        text(HEADER + CANDLES.replace("1.5", "1.5\0", 1)),
        (*_SIMULATE, "FILE"),
        "line 2: close is",
    )
    yield Attack("BTCUSDT-1m-quote.csv", text(HEADER + '"' + CANDLES), (*_SIMULATE, "FILE"), "line 2")
    yield Attack(
        "quote-positions.csv",
        text('symbol,side,entry_price,opened_at\n"' + "\n" * 140_000),
        _POSITIONS,
        "field larger than field limit",
        2,
    )
    yield Attack(
        "price.jsonl",
        position(entry_price="1e999999"),
        _POSITIONS,
        "line 1: entry_price is '1e999999'; allowed",
        2,
    )
    yield Attack("leverage.jsonl", position(leverage="9" * 5_000), _POSITIONS, "line 1: leverage is '999", 2)
    yield Attack(
        "bare.jsonl",
        text(json.dumps(POSITION).replace('"1.2"', "1e999999")),
        _POSITIONS,
        "line 1: entry_price is '1e999999",
        2,
    )
    yield Attack(
        "opened.jsonl",
        position(opened_at="99999-01-01T00:00:00Z"),
        _POSITIONS,
        "line 1: opened_at is '99999",
        2,
    )
    yield Attack(
        "epoch.jsonl",
        text(json.dumps(POSITION).replace(str(T0 + MINUTE), "9" * 5_000)),
        _POSITIONS,
        "line 1: opened_at is '999",
        2,
    )
    yield Attack(
        "line.jsonl", text("x" * 2_000_000), _POSITIONS, "line 1 cannot be read: it has 2,000,000 bytes"
    )
    yield Attack("deep.jsonl", text("[" * 500_000), _POSITIONS, "line 1 is '[[[", 2)
    yield Attack("deep.json", text('{"A":' * 500_000), _LEVELS, "nested deeper than 64")
    yield Attack(
        "tiny-tick.json",
        instrument("1e-999999"),
        _LEVELS,
        "BTCUSDT tick_size is Decimal('1E-999999'); allowed",
    )
    yield Attack(
        "huge-tick.json",
        instrument('"1e999999"'),
        _LEVELS,
        "BTCUSDT tick_size is 1e999999: Input should be a finite number",
    )
    yield Attack("long-tick.json", instrument("0." + "1" * 1_000_000), _LEVELS, "BTCUSDT tick_size is 0.111")
    yield Attack("cap.json", text('{"BTCUSDT": [[0, 1e999999, 0.1, 5]]}'), _LEVELS, "BTCUSDT brackets.0")


def options() -> Iterator[Attack]:
    """Yield absurd values on the command line; good.jsonl stands for the file that is named."""
    levels = ("levels", "--leverage", "10", "--entry", "1.23")
    simulate = (*_SIMULATE, "BTCUSDT.csv")
    for command, says in (
        ((*levels[:3], "--entry", "1e999999"), "--entry is '1e999999'; allowed: a number from 1e-15"),
        ((*levels, "--quantity", "1e-999999"), "--quantity is '1e-999999'; allowed: a number from 1e-15"),
        ((*levels[:1], "--leverage", "1e999"), "--leverage is inf; allowed: a number from 1 to 125"),
        ((*levels, "--volatility", "9" * 5_000), "--volatility is inf; allowed"),
        ((*simulate, "--time-stop", "9" * 5_000), "--time-stop is '999"),
        ((*simulate, "--rule-interval", f"{'9' * 23}d"), "--rule-interval is '999"),
        ((*simulate, "--set", "base_sl=1e-999999"), "'1e-999999' is not a number"),
        ((*simulate, "--trailing", "1e999:1e999"), "trailing activation is inf"),
        (
            ("whatif", "--policy", "v3.6", "--sweep", "base_sl=0:1e299:1e-299", "--store", "memory://"),
            "has more than 1,000,000,000 values",
        ),
    ):
        yield Attack("good.jsonl", text(json.dumps(POSITION)), command, says, 2)
