"""Candles, trades and funding rates from files of every form, and what is said of those that cannot be used."""

import gzip
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.domain.simulation.candle import (
    Candle,
    CandleSeries,
    FundingRate,
    PriceKind,
    Trade,
    TradeSeries,
)
from exitbrain.infrastructure.lab.candles import read_candles, read_funding, read_trades
from exitbrain.infrastructure.lab.intervals import interval_named
from exitbrain.infrastructure.lab.market_files import MarketFiles

T0 = 1_722_470_400_000  # 2024-08-01
HEADER = "open_time_ms,open,high,low,close,volume\n"
ARCHIVE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
ROWS = [(T0, 1.0, 1.5, 0.5, 1.25), (T0 + 60_000, 1.25, 1.25, 1.0, 1.0), (T0 + 180_000, 1.0, 2.0, 1.0, 2.0)]
CANDLES = [Candle(*row) for row in ROWS]


def text_of(rows: Sequence[tuple[float, ...]], more: str = ",7") -> str:
    return "".join(",".join(map(str, row)) + more + "\n" for row in rows)


def archived(rows: Sequence[tuple[float, ...]], factor: int = 1) -> str:
    return text_of([(int(row[0]) * factor, *row[1:]) for row in rows], ",9,1,9,9,9,9,0")


def plain(path: Path) -> Path:
    path.write_text(HEADER + text_of(ROWS))
    return path


def headless(path: Path) -> Path:
    path.write_text(text_of(ROWS, ""))
    return path


def from_windows(path: Path) -> Path:
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + text_of(ROWS)).replace("\n", "\r\n").encode())
    return path


def packed(path: Path) -> Path:
    path = path.with_name("BTCUSDT.csv.gz")
    path.write_bytes(gzip.compress((HEADER + text_of(ROWS)).encode()))
    return path


def parquet(path: Path) -> Path:
    path = path.with_name("BTCUSDT.parquet")
    columns = list(zip(*ROWS, strict=True))
    names = ["open_time_ms", "open", "high", "low", "close"]
    pyarrow.parquet.write_table(pa.table(dict(zip(names, map(list, columns), strict=True))), path)
    return path


def archive(path: Path) -> Path:
    path = path.with_name("BTCUSDT-1m-2024-08.zip")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("BTCUSDT-1m-2024-08.csv", ARCHIVE_HEADER + archived(ROWS))
    return path


def old_archive(path: Path) -> Path:
    path = path.with_name("BTCUSDT-1m-2020-08.csv")
    path.write_text(archived(ROWS))
    return path


def microseconds(path: Path) -> Path:
    path = path.with_name("BTCUSDT-1m-2025-08.csv")
    path.write_text(archived(ROWS, 1000))
    return path


@pytest.mark.parametrize(
    "write", [plain, headless, from_windows, packed, parquet, archive, old_archive, microseconds]
)
def test_every_form_gives_the_same_candles(write: Callable[[Path], Path], tmp_path: Path) -> None:
    write(tmp_path / "BTCUSDT.csv")

    market = MarketFiles(tmp_path).market("BTCUSDT")

    assert market.candles == CandleSeries(60_000, CANDLES)


def test_months_of_an_archive_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-1m-2024-09.csv").write_text(archived(ROWS[2:]))
    (tmp_path / "BTCUSDT-1m-2024-08.csv").write_text(archived(ROWS[:2]))

    assert MarketFiles(tmp_path).market("BTCUSDT").candles.candles == CANDLES


def test_a_folder_knows_its_symbols_by_the_names_of_files(tmp_path: Path) -> None:
    for name in ("XRP_USDT_USDT-1m-futures.csv", "1000PEPEUSDT.csv", "币安人生USDT-1m.csv"):
        (tmp_path / name).write_text(HEADER + text_of(ROWS))
    market = MarketFiles(tmp_path)

    for symbol in ("XRPUSDT", "1000PEPEUSDT", "币安人生USDT"):
        assert len(market.market(symbol).candles.candles) == 3
    assert market.market("XRPUSDT") is market.market("XRPUSDT")


def test_mark_candles_funding_and_lower_timeframe_data_lie_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-5m.csv").write_text(HEADER + text_of([(T0, 1, 2, 1, 2), (T0 + 300_000, 1, 2, 1, 2)]))
    (tmp_path / "BTCUSDT-1m.csv").write_text(HEADER + text_of(ROWS))
    (tmp_path / "BTCUSDT-5m-mark.csv").write_text(HEADER + text_of([(T0, 3, 3, 3, 3)]))
    (tmp_path / "BTCUSDT-8h-funding_rate.csv").write_text(f"time_ms,funding_rate\n{T0 + 17},0.0001\n")
    coarse = tmp_path / "BTCUSDT-5m.csv"

    market = MarketFiles(coarse, mark=tmp_path, lower_timeframe=tmp_path, funding=tmp_path).market("BTCUSDT")

    assert market.candles.interval_ms == 300_000
    assert market.mark == CandleSeries(300_000, [Candle(T0, 3.0, 3.0, 3.0, 3.0)], PriceKind.MARK)
    assert isinstance(market.lower_timeframe, CandleSeries)
    assert market.lower_timeframe.interval_ms == 60_000
    assert market.funding == (FundingRate(T0 + 17, 0.0001),)


def test_trades_are_taken_before_lower_timeframe_candles(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT.csv").write_text(HEADER + text_of(ROWS))
    (tmp_path / "BTCUSDT-trades-2024-08-01.csv").write_text(
        f"id,price,qty,quote_qty,time,is_buyer_maker\n1,1.5,1,1,{T0},true\n2,1.25,1,1,{T0},false\n"
    )

    lower_timeframe = MarketFiles(tmp_path, lower_timeframe=tmp_path).market("BTCUSDT").lower_timeframe

    assert lower_timeframe == TradeSeries([Trade(T0, 1.5), Trade(T0, 1.25)])


def test_a_file_of_mark_candles_is_walked_as_such(tmp_path: Path) -> None:
    file = tmp_path / "BTCUSDT-1m-mark.csv"
    file.write_text(HEADER + text_of(ROWS))

    assert MarketFiles(file).market("BTCUSDT").candles.kind is PriceKind.MARK


def changed(row: int, place: int, value: object) -> str:
    rows: list[list[object]] = [list(each) for each in ROWS]
    rows[row][place] = value
    return HEADER + "".join(",".join(map(str, each)) + ",7\n" for each in rows)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty; allowed: the columns open_time_ms, open, high, low, close"),
        (HEADER, "has a header and no rows"),
        (HEADER.strip(), "has a header and no rows"),
        ("open_time_ms,open,high,close\n", "has no column low; it has open_time_ms, open, high, close"),
        ("1,2,3\n", "has 3 columns and no header"),
        (changed(1, 1, "nan"), "line 3: open is nan; allowed: a finite price above 0"),
        (changed(1, 1, "x"), "line 3: open is 'x'; allowed: a number"),
        (changed(1, 1, ""), "line 3 has no open"),
        (changed(2, 3, 0), "line 4: low is 0.0; allowed: a finite price above 0"),
        (changed(2, 2, "inf"), "line 4: high is inf; allowed: a finite price above 0"),
        (changed(0, 2, 1.1), "line 2: high is 1.1; allowed: at least open and close"),
        (changed(0, 3, 1.1), "line 2: low is 1.1; allowed: at most open and close"),
        (changed(1, 0, T0), f"line 3: open_time_ms is {T0}; allowed: later than the candle before it"),
        (changed(2, 0, T0), f"line 4: open_time_ms is {T0}; allowed: later than the candle before it"),
        (changed(1, 0, 1722470460), "line 3: open_time_ms is 1722470460; allowed: milliseconds or microseconds"),
        (changed(1, 0, "2024-08-01"), "line 3: open_time_ms is '2024-08-01'; allowed: a whole number"),
        (HEADER + text_of(ROWS[:1]), "has only one candle, so its interval is unknown"),
        (
            HEADER + text_of([ROWS[0], ROWS[1], (T0 + 90_000, 1, 1, 1, 1), (T0 + 150_000, 1, 1, 1, 1)]),
            f"line 4: open_time_ms is {T0 + 90_000}; allowed: the candle before it plus a multiple of the interval",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_candle_file_is_named_with_its_line(
    content: str, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "BTCUSDT.csv"
    file.write_text(content)

    with pytest.raises(MarketUnreadable) as error:
        read_candles([file])

    assert str(error.value).startswith(str(file))
    assert says in str(error.value)


def test_candles_must_keep_the_interval_that_their_name_promises(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-5m.csv").write_text(HEADER + text_of(ROWS))

    with pytest.raises(MarketUnreadable, match=r"line 3: .* a multiple of the interval of 300000 ms"):
        MarketFiles(tmp_path).market("BTCUSDT")


def test_candles_must_not_be_longer_than_their_name_promises(tmp_path: Path) -> None:
    rows = [(T0 + number * 300_000, *ROWS[0][1:]) for number in range(3)]
    (tmp_path / "BTCUSDT-1m.csv").write_text(HEADER + text_of(rows))

    with pytest.raises(MarketUnreadable, match=r"line 3: .*; allowed: 60000 ms after the candle before it"):
        MarketFiles(tmp_path).market("BTCUSDT")


def test_several_intervals_of_a_symbol_leave_no_choice_but_to_name_the_file(tmp_path: Path) -> None:
    for name in ("BTCUSDT-1m.csv", "BTCUSDT-5m.csv"):
        (tmp_path / name).write_text(HEADER + text_of(ROWS))

    with pytest.raises(MarketUnreadable, match=r"candles of BTCUSDT of several intervals \(BTCUSDT-1m.csv"):
        MarketFiles(tmp_path).market("BTCUSDT")


def test_an_unknown_symbol_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    plain(tmp_path / "BTCUSDT.csv")

    with pytest.raises(MarketUnreadable, match=r"no candles of ETHUSDT in .*; there: BTCUSDT"):
        MarketFiles(tmp_path).market("ETHUSDT")
    with pytest.raises(MarketUnreadable, match="does not exist"):
        MarketFiles(tmp_path / "nowhere").market("ETHUSDT")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("BTCUSDT.csv.gz", b"no gzip", "cannot be read: it is not a gzip file"),
        ("BTCUSDT.zip", b"no zip", "cannot be read: File is not a zip file"),
        ("BTCUSDT.parquet", b"no parquet", "cannot be read: "),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_unreadable(
    name: str, content: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(MarketUnreadable, match=says):
        read_candles([tmp_path / name])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (f"{T0},0.5\n{T0 - 1},0.5\n{T0},0.5\n", "line 3: time is .* allowed: not before the row before it"),
        (f"{T0},0.0\n", "line 2: price is 0.0; allowed: a finite price above 0"),
    ],
)
def test_what_is_wrong_with_trades_is_named(rows: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("time,price\n" + rows)

    with pytest.raises(MarketUnreadable, match=says):
        read_trades([file])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (f"{T0},0.1\n{T0},0.2\n", "line 3: time_ms is .* allowed: later than the row before it"),
        (f"{T0},1.5\n", "line 2: funding_rate is 1.5; allowed: a fraction above -1 and below 1"),
    ],
)
def test_what_is_wrong_with_funding_rates_is_named(rows: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("time_ms,funding_rate\n" + rows)

    with pytest.raises(MarketUnreadable, match=says):
        read_funding([file])


@pytest.mark.parametrize(
    ("text", "ms"),
    [("1m", 60_000), ("8h", 28_800_000), ("1d", 86_400_000), ("m", None), ("2024", None), ("0m", None)],
)
def test_an_interval_is_read_from_its_name(text: str, ms: int | None) -> None:
    assert interval_named(text) == ms


def test_every_recorded_series_is_read(shared_data: Path) -> None:
    """19 symbols of 1h, 8 of 1m without gaps, 27 of 1m with gaps; one symbol with marks, funding and two intervals."""
    candles = 0
    for folder, interval in (
        ("binance-usdm-1h", 3_600_000),
        ("binance-spot-1m", 60_000),
        ("binance-usdm-1m", 60_000),
    ):
        market = MarketFiles(shared_data / "market" / folder)
        for path in sorted((shared_data / "market" / folder).iterdir()):
            columns = market.columns(path.name.removesuffix(".csv.gz"))
            assert columns.interval_ms == interval
            candles += len(columns)
    assert candles == 28_500 + 80_640 + 51_425

    xrp = shared_data / "market/binance-usdm-xrp-2021"
    of_xrp = MarketFiles(
        xrp / "XRP_USDT_USDT-1h-futures.csv.gz", mark=xrp, lower_timeframe=xrp, funding=xrp
    ).market("XRPUSDT")
    assert (len(of_xrp.candles.candles), len(of_xrp.funding)) == (100, 91)
    assert of_xrp.mark is not None
    assert of_xrp.mark.interval_ms == 3_600_000
    assert {rate.minute_ms % 28_800_000 for rate in of_xrp.funding} == {0}
