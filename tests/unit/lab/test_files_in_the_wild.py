"""Market data as other programs write them, and as they come after outages, downloads and exports."""

import gzip
import struct
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.domain.simulation.candle import Candle, FundingRate, Trade
from exitbrain.infrastructure.lab.candles import read_candles, read_funding, read_trades
from exitbrain.infrastructure.lab.csv_blocks import BLOCK

T0 = 1_722_470_400_000  # 2024-08-01
MINUTE, DAY = 60_000, 86_400_000
PRICES = [(1.0, 1.5, 0.5, 1.25), (1.25, 1.25, 1.0, 1.0), (1.0, 2.0, 1.0, 2.0)]
CANDLES = [Candle(T0 + number * MINUTE, *row) for number, row in enumerate(PRICES)]
MINUTES = [datetime(2024, 8, 1, tzinfo=UTC) + timedelta(minutes=number) for number in range(3)]


def table(time: str, times: Sequence[object], more: str = "") -> str:
    rows = "".join(f"{at},{','.join(map(str, row))}{more}\n" for at, row in zip(times, PRICES, strict=True))
    return f"{time},open,high,low,close\n{rows}" if time else rows


def written(folder: Path, content: str, name: str = "BTCUSDT.csv") -> Path:
    (folder / name).write_text(content)
    return folder / name


def candles(*paths: Path, remarks: list[str] | None = None) -> list[Candle]:
    return list(read_candles(list(paths), remarks=remarks).series.candles)


ISO = [at.isoformat() for at in MINUTES]
NAIVE = [at.strftime("%Y-%m-%d %H:%M:%S") for at in MINUTES]
MS = [T0 + number * MINUTE for number in range(3)]


@pytest.mark.parametrize(
    "content",
    [
        table("date", ISO),
        table("Date", [text.replace("+00:00", "Z") for text in ISO]),
        table("time", [at.astimezone().isoformat() for at in MINUTES]),
        table("time", [at.replace("+00:00", "+02:00").replace("T00:", "T02:") for at in ISO]),
        table("time", [each // 1000 for each in MS]),
        table("timestamp", [each * 1000 for each in MS]),
        table("Timestamp", [each * 1_000_000 for each in MS]),
        table("time", [f"{each}.0" for each in MS]),
        table("open time", [MS[0], MS[1] * 1000, MS[2]]),
        table("Open Time", [f'"{text} UTC"' for text in NAIVE]),
        table("Datetime", NAIVE),
        table("unix", MS),
        table("", NAIVE),
        table(",open_time", [f"{number},{at}" for number, at in enumerate(MS)]),
        table("# made by hand\n\ntime", MS),
        table("https://www.example.org\nunix", MS[::-1]).replace("\n1722", "\n1722", 1),
    ],
)  # fmt: skip
def test_times_are_read_in_every_unit_and_under_every_usual_name(content: str, tmp_path: Path) -> None:
    read = candles(written(tmp_path, content))

    assert [each.open_time_ms for each in read] == MS
    assert sorted(each.close for each in read) == [1.0, 1.25, 2.0]


def test_a_time_without_an_offset_is_utc_and_that_is_said(tmp_path: Path) -> None:
    remarks: list[str] = []

    assert candles(written(tmp_path, table("date", NAIVE)), remarks=remarks) == CANDLES
    assert remarks == [f"{tmp_path}/BTCUSDT.csv: times without an offset, taken as UTC"]


ARROW_TIMES: dict[str, pa.Array] = {
    "ns": pa.array(MINUTES, pa.timestamp("ns")),
    "us with a zone": pa.array(MINUTES, pa.timestamp("us", "Europe/Berlin")),
    "s": pa.array(MINUTES, pa.timestamp("s")),
    "numbers": pa.array(MS),
    "fractions": pa.array([float(each) for each in MS]),
    "texts": pa.array(ISO),
    "coded texts": pa.array(ISO).dictionary_encode(),
}


@pytest.mark.parametrize("times", ARROW_TIMES.values(), ids=ARROW_TIMES.keys())
@pytest.mark.parametrize("name", ["date", "Datetime", "__index_level_0__"])
@pytest.mark.parametrize("form", ["parquet", "lz4", "zstd"])
def test_columns_of_arrow_give_the_same_candles(
    times: pa.Array, name: str, form: str, tmp_path: Path
) -> None:
    columns: dict[str, Any] = dict(
        zip(("Open", "High", "Low", "Close"), zip(*PRICES, strict=True), strict=True)
    )
    made = pa.table({**columns, name: times})
    path = tmp_path / f"BTCUSDT.{'parquet' if form == 'parquet' else 'feather'}"
    if form == "parquet":
        pyarrow.parquet.write_table(made, path)
    else:
        pyarrow.feather.write_feather(made, path, compression=form)

    assert candles(path) == CANDLES


def test_days_are_read_from_dates(tmp_path: Path) -> None:
    days = pa.array([date(2024, 8, 1), date(2024, 8, 2), date(2024, 8, 3)], pa.date32())
    columns = dict(zip(("open", "high", "low", "close"), map(list, zip(*PRICES, strict=True)), strict=True))
    pyarrow.parquet.write_table(pa.table({"date": days, **columns}), tmp_path / "A.parquet")

    read = read_candles([tmp_path / "A.parquet"])

    assert read.interval_ms == DAY
    assert read.open_time_ms.tolist() == [T0, T0 + DAY, T0 + 2 * DAY]


def test_newest_first_is_turned_round(tmp_path: Path) -> None:
    header, *rows = table("date", NAIVE).splitlines()

    assert candles(written(tmp_path, "\n".join([header, *rows[::-1]]))) == CANDLES


def test_what_is_wrong_newest_first_still_has_its_line(tmp_path: Path) -> None:
    header, *rows = table("time", MS).splitlines()
    content = "\n".join([header, rows[2], rows[1].replace("1.0", "nan"), rows[0]])

    with pytest.raises(MarketUnreadable, match=r"BTCUSDT.csv line 3: low is nan"):
        candles(written(tmp_path, content))


def test_a_row_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    rows = table("", MS).splitlines(keepends=True)
    remarks: list[str] = []

    read = candles(written(tmp_path, "".join([rows[0], rows[1], rows[1], rows[1], rows[2]])), remarks=remarks)

    assert read == CANDLES
    assert remarks == [f"{tmp_path}/BTCUSDT.csv line 3: the row repeats another, left out; 2 in all"]


def test_files_may_overlap_where_they_agree(tmp_path: Path) -> None:
    rows = table("", MS).splitlines(keepends=True)
    month = written(tmp_path, "".join(rows), "BTCUSDT-1m-2024-08.csv")
    day = written(tmp_path, rows[1], "BTCUSDT-1m-2024-08-01.csv")

    assert candles(month, day) == CANDLES
    day.write_text(rows[1].replace("1.25,1.25", "1.25,1.26"))
    with pytest.raises(
        MarketUnreadable, match=r"2024-08-01.csv line 1: open_time_ms is .* the same in every price"
    ):
        candles(month, day)


def test_a_candle_off_the_grid_is_left_out_and_leaves_a_hole(tmp_path: Path) -> None:
    """As after an outage: the first candle begins late, and stands where none of the others could."""
    times = [T0, T0 + MINUTE, T0 + 2 * MINUTE + 17_120, T0 + 3 * MINUTE, T0 + 4 * MINUTE]
    rows = "".join(f"{at},1,1,1,1\n" for at in times)
    remarks: list[str] = []

    read = read_candles([written(tmp_path, rows)], remarks=remarks)

    assert read.open_time_ms.tolist() == [T0, T0 + MINUTE, T0 + 3 * MINUTE, T0 + 4 * MINUTE]
    assert remarks == [
        f"{tmp_path}/BTCUSDT.csv line 3: the candle is off the grid of 60000 ms, left out; 1 in all"
    ]


BLANKS = ["\n\n", "\n  \n", "\n,,,,\n", "\r\n\r\n"]


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_lines_say_nothing_and_lines_are_those_of_the_file(blank: str, tmp_path: Path) -> None:
    header, *rows = table("time", MS).splitlines()
    good = [f"{blank}{header}", *rows]

    assert candles(written(tmp_path, blank.join(good) + blank)) == CANDLES
    bad = blank.join([header, rows[0], rows[1].replace("1.0", "x"), rows[2]])
    with pytest.raises(MarketUnreadable, match=r"BTCUSDT.csv line 5: low is 'x'; allowed: a number"):
        candles(written(tmp_path, bad))
    nan = blank.join([header, rows[0], rows[1].replace("1.0", "nan"), rows[2]])
    with pytest.raises(MarketUnreadable, match=r"BTCUSDT.csv line 5: low is nan; allowed: a finite price"):
        candles(written(tmp_path, nan))


TRADES = [Trade(T0, 1.5), Trade(T0 + 7, 1.25)]


@pytest.mark.parametrize(
    "content",
    [
        f"11,1.5,2,21,22,{T0},true\n12,1.25,2,23,24,{T0 + 7},false\n",
        f"11,1.5,2,21,22,{T0 * 1000},True,True\n12,1.25,2,23,24,{(T0 + 7) * 1000 + 999},False,True\n",
        f"11,1.5,2,3.0,{T0},true\n12,1.25,2,2.5,{T0 + 7},false\n",
        f"11,1.5,2,3.0,{T0},true,true\n12,1.25,2,2.5,{T0 + 7},false,true\n",
        (f"agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n11,1.5,2,1,2,{T0},true\n"
        f"12,1.25,2,3,4,{T0 + 7},true\n"),
        f"timestamp,price\n{T0 / 1000},1.5\n{(T0 + 7) / 1000},1.25\n",
        f"time,price\n{T0 + 7},1.25\n{T0},1.5\n",
    ],
)  # fmt: skip
def test_trades_are_read_from_every_archive(content: str, tmp_path: Path) -> None:
    assert read_trades([written(tmp_path, content)]).trades == TRADES


@pytest.mark.parametrize(
    "content",
    [
        f"calc_time,funding_interval_hours,last_funding_rate\n{T0},8,0.0001\n{T0 + 17},8,0.0002\n",
        f"{T0},8,0.0001\n{T0 + 17},8,0.0002\n",
        f"time,rate\n{T0 + 17},0.0002\n{T0},0.0001\n{T0},0.0001\n",
        f"date,open,high,low,close,volume\n{T0},0.0001,0,0,0,0\n{T0 + 17},0.0002,0,0,0,0\n",
    ],
)
def test_funding_rates_are_read_from_every_archive(content: str, tmp_path: Path) -> None:
    assert read_funding([written(tmp_path, content)]) == (
        FundingRate(T0, 0.0001),
        FundingRate(T0 + 17, 0.0002),
    )


def zipped(path: Path, *names: str, **changes: Any) -> Path:
    path = path.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", **changes) as archive:
        for name in names:
            archive.writestr(name, table("time", MS))
    return path


def encrypted(path: Path) -> Path:
    return marked(zipped(path, "a.csv"), flags=1, method=zipfile.ZIP_STORED)


def deflate64(path: Path) -> Path:
    return marked(zipped(path, "a.csv"), flags=0, method=9)


def marked(path: Path, *, flags: int, method: int) -> Path:
    """Write other flags and another method into both headers of the one member of an archive."""
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<HH", content, content.index(signature) + place, flags, method)
    path.write_bytes(content)
    return path


def lists(path: Path) -> Path:
    path = path.with_suffix(".parquet")
    columns = {
        "open_time_ms": MS,
        "open": [[1.0]] * 3,
        "high": [1.0] * 3,
        "low": [1.0] * 3,
        "close": [1.0] * 3,
    }
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


def lists_as_times(path: Path) -> Path:
    path = path.with_suffix(".feather")
    columns = {"date": [[1]] * 3, "open": [1.0] * 3, "high": [1.0] * 3, "low": [1.0] * 3, "close": [1.0] * 3}
    pyarrow.feather.write_feather(pa.table(columns), path)
    return path


def long_text(path: Path) -> Path:
    path = path.with_suffix(".parquet")
    columns = {"time": MS, "open": ["y" * 9_999] * 3, "high": [1.0] * 3, "low": [1.0] * 3, "close": [1.0] * 3}
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


def packed_badly(path: Path) -> Path:
    path = path.with_suffix(".csv.gz")
    path.write_bytes(gzip.compress(table("time", MS).encode())[:-9])
    return path


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (encrypted, "is encrypted; allowed: an archive without a password"),
        (deflate64, "is compressed with Deflate64; allowed: stored, deflate, bzip2, LZMA"),
        (lambda path: zipped(path, "a.csv", "b.csv"), "holds 2 files (a.csv, b.csv); allowed: one CSV file"),
        (zipped, "holds 0 files; allowed: one CSV file"),
        (lists, "open is of type list<element: double>; allowed: numbers"),
        (lists_as_times, "open_time_ms is of type list<item: int64>; allowed: milliseconds"),
        (long_text, "open is of type string; allowed: numbers"),
        (packed_badly, "cannot be read: "),
        (lambda path: written(path.parent, table("time", MS).replace("1.25,1.0,1.0", "1.25,1.0," + "x" * 200_000)), "line 3 cannot be read: field larger than field limit"),
        (lambda path: written(path.parent, table("time", MS) + "9" * 3_000_000), "cannot be read: line 5 has more than 65,536 bytes"),
        (lambda path: written(path.parent, "x" * 200_000), "cannot be read: line 1 has more than 65,536 bytes"),
        (lambda path: written(path.parent, table("time", MS).replace("2.0", "z" * 5_000)), "line 4: high is 'zz"),
        (lambda path: written(path.parent, table("time" * 5_000, MS)), "has no column open_time_ms; it has timetime"),
        (lambda path: written(path.parent, table("time", MS) + f"{T0 + 9 * MINUTE},1,1,1,1,1,1\n"), "line 5 has 7 cells; allowed: 5"),
        (lambda path: written(path.parent, table("time", [*ISO[:2], "soon"])), "line 4: open_time_ms is 'soon'; allowed: milliseconds"),
        (lambda path: written(path.parent, table("time", [*ISO[:2], NAIVE[2]])), "line 4: open_time_ms is '2024-08-01 00:02:00'"),
        (lambda path: written(path.parent, table("time", [MS[0], MS[1] // 1000, MS[2]])), "line 3: open_time_ms is 1722470460;"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_one_sentence_that_echoes_little(
    write: Callable[[Path], Path], says: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "BTCUSDT.csv")

    with pytest.raises(MarketUnreadable) as error:
        candles(path)

    said = str(error.value)
    assert said.startswith(str(path))
    assert says in said
    assert len(said) - len(str(path)) < 450
    assert "\n" not in said


def test_one_table_among_other_files_of_an_archive_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "BTCUSDT.csv", "a.csv", "a.csv.CHECKSUM", "__MACOSX/a.csv", "folder/")

    assert candles(path) == CANDLES


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_an_archive_is_read_however_it_is_packed_and_whatever_stands_before_it(
    method: int, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "BTCUSDT.csv", "a.csv", compression=method)
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())

    assert candles(path) == CANDLES


def test_an_archive_whose_content_was_changed_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "BTCUSDT.csv", "a.csv")
    path.write_bytes(path.read_bytes().replace(b"1.25", b"1.26", 1))

    with pytest.raises(MarketUnreadable, match=r"BTCUSDT.zip cannot be read: bad checksum of a.csv"):
        candles(path)


def test_gzip_may_have_several_parts_and_be_filled_up_with_zeros(tmp_path: Path) -> None:
    header, *rows = table("time", MS).splitlines(keepends=True)
    path = tmp_path / "BTCUSDT.csv.gz"
    path.write_bytes(b"".join(gzip.compress(part.encode()) + bytes(700) for part in (header, *rows)))

    assert candles(path) == CANDLES


LONG = 27_000
"""Rows that take more than one block."""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\n ,\n"])
@pytest.mark.parametrize("iso", [False, True])
def test_a_long_file_is_read_as_if_it_were_short(end: str, iso: bool, tmp_path: Path) -> None:
    times = [str(T0 + number * MINUTE) for number in range(LONG)]
    if iso:
        times = [datetime.fromtimestamp(int(at) / 1000, UTC).isoformat() for at in times]
    lines = ["time,open,high,low,close,volume", *(f"{at},1.0,2.0,0.5,1.5,{'7' * 50}" for at in times)]
    lines[LONG - 1] = lines[LONG - 1].replace("1.5", "nan")
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(end.join(lines).encode())
    assert path.stat().st_size > BLOCK

    with pytest.raises(MarketUnreadable) as error:
        candles(path)
    lines[LONG - 1] = lines[LONG - 1].replace("nan", "1.5")
    path.write_bytes(end.join(lines).encode())

    at_line = (LONG - 1) * max(1, end.count("\n")) + 1
    assert f"BTCUSDT.csv line {at_line}: close is nan; allowed" in str(error.value)
    read = read_candles([path])
    assert read.open_time_ms.tolist() == [T0 + number * MINUTE for number in range(LONG)]
    assert set(read.close.tolist()) == {1.5}
