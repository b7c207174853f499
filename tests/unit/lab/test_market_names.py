"""Which symbol and content the name of a file tells, and which files are taken for a symbol."""

from pathlib import Path

import pytest

from exitbrain.application.ports.market import MarketUnreadable, NoMarket
from exitbrain.domain.simulation.candle import CandleSeries, Trade, TradeSeries
from exitbrain.infrastructure.lab.market_files import MarketFiles
from exitbrain.infrastructure.lab.market_names import Content, MarketFile

T0 = 1_722_470_400_000  # 2024-08-01
MINUTE = 60_000


def file(folder: Path, name: str, price: float = 1.0, *, step: int = MINUTE, count: int = 2) -> Path:
    rows = "".join(f"{T0 + n * step},{price},{price},{price},{price}\n" for n in range(count))
    (folder / name).write_text(rows)
    return folder / name


@pytest.mark.parametrize(
    ("name", "symbol", "content", "interval_ms"),
    [
        ("BTC-PERP.csv.gz", "BTC-PERP", Content.CANDLES, None),
        ("BTC-USDT-SWAP-1m.csv", "BTC-USDT-SWAP", Content.CANDLES, MINUTE),
        ("BTC_USDT_USDT-1m-futures.feather", "BTC_USDT_USDT", Content.CANDLES, MINUTE),
        ("XRP_USDT_USDT-8h-funding_rate.csv.gz", "XRP_USDT_USDT", Content.FUNDING, 480 * MINUTE),
        ("BTCUSDT-fundingRate-2024-08.zip", "BTCUSDT", Content.FUNDING, None),
        ("BTCUSDT-aggTrades-2024-08-01.zip", "BTCUSDT", Content.AGGREGATED_TRADES, None),
        ("BTCUSDT_240628-1m-2024-06.zip", "BTCUSDT_240628", Content.CANDLES, MINUTE),
        ("BTC-USD-240628-mark-1h.csv", "BTC-USD-240628", Content.MARK, 60 * MINUTE),
        ("brk.b-1d.parquet", "BRK.B", Content.CANDLES, 1440 * MINUTE),
        ("BRK.B.CSV", "BRK.B", Content.CANDLES, None),
        ("BINANCE_BTCUSDT.P, 15.csv", "BINANCE_BTCUSDT.P", Content.CANDLES, None),
        ("BTCUSDT-book-ticker-1s.csv.gz", "BTCUSDT", Content.OTHER, 1000),
        ("BTCUSDT-bookTicker-2024-08-01.zip", "BTCUSDT", Content.OTHER, None),
        ("BTCUSDT-bookTicker-spot-2024.csv", "BTCUSDT", Content.OTHER, None),
        ("BTCUSDT-bookDepth-2024-08-01.zip", "BTCUSDT", Content.OTHER, None),
        ("BTCUSDT-metrics-2024-08-01.zip", "BTCUSDT", Content.OTHER, None),
        ("BTCUSDT-liquidationSnapshot-2024-08-01.zip", "BTCUSDT", Content.OTHER, None),
        ("BTCUSDT-indexPriceKlines-1m-2024-08.zip", "BTCUSDT", Content.OTHER, MINUTE),
        ("BTCUSDT-premiumIndexKlines-1m-2024-08.zip", "BTCUSDT", Content.OTHER, MINUTE),
        ("BTCUSDT-markPriceKlines-1m-2024-08.zip", "BTCUSDT", Content.MARK, MINUTE),
        ("1INCHUSDT-4h.csv.zip", "1INCHUSDT", Content.CANDLES, 240 * MINUTE),
    ],
)
def test_a_name_tells_symbol_then_content(
    name: str, symbol: str, content: Content, interval_ms: int | None
) -> None:
    assert MarketFile.named(Path(name)) == MarketFile(Path(name), symbol, content, interval_ms)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTC-PERP.csv", "BTC-PERP"),
        ("BTC-USDT-SWAP-1m.csv", "BTC-USDT-SWAP"),
        ("BTC-USDT-SWAP-1m.csv", "BTCUSDT"),
        ("BTC_USDT_USDT-1m-futures.csv", "BTC/USDT:USDT"),
        ("BTC_USDT_USDT-1m-futures.csv", "BTCUSDT"),
        ("BTC_USD_USD-1m-futures.csv", "BTC/USD:USD"),
        ("BTC_USDT-1m.csv", "BTC/USDT"),
        ("BINANCE_BTCUSDT.P, 15.csv", "BTCUSDT"),
        ("BRK.B.csv", "BRK.B"),
        ("BRK-B-1m.csv", "BRK.B"),
        ("BTCUSDT_240628-1m.csv", "BTCUSDT_240628"),
    ],
)
def test_a_symbol_finds_its_file_however_it_is_written(name: str, symbol: str, tmp_path: Path) -> None:
    file(tmp_path, name)

    assert len(MarketFiles(tmp_path).market(symbol).candles.candles) == 2


def test_the_longest_symbol_is_meant(tmp_path: Path) -> None:
    file(tmp_path, "BTC-PERP-1m.csv", 2.0)
    with pytest.raises(NoMarket, match=r"no candles of BTC in .*; there: BTC-PERP"):
        MarketFiles(tmp_path).market("BTC")

    file(tmp_path, "BTC-1m.csv", 3.0)
    market = MarketFiles(tmp_path)

    assert market.market("BTC").candles.candles[0].open == 3.0
    assert market.market("BTC-PERP").candles.candles[0].open == 2.0


def test_a_name_that_is_the_symbol_comes_before_one_that_means_it(tmp_path: Path) -> None:
    file(tmp_path, "BTC_USDT_USDT-1m-futures.csv", 2.0)
    file(tmp_path, "BTCUSDT-1m.csv", 3.0)

    assert MarketFiles(tmp_path).market("BTCUSDT").candles.candles[0].open == 3.0


def test_of_several_spellings_in_one_folder_each_finds_its_own_file(tmp_path: Path) -> None:
    file(tmp_path, "BTC-PERP.csv", 1.0)
    file(tmp_path, "BTC-USDT-SWAP-1m.csv", 2.0)
    file(tmp_path, "BTC_USDT_USDT-1m-futures.csv", 3.0)
    files = MarketFiles(tmp_path)

    opens = [files.columns(name).open[0] for name in ("BTC-PERP", "BTC-USDT-SWAP", "BTC/USDT:USDT")]

    assert opens == [1.0, 2.0, 3.0]


def test_two_names_for_one_symbol_are_ambiguous(tmp_path: Path) -> None:
    file(tmp_path, "BTC-USDT-SWAP-1m.csv")
    file(tmp_path, "BTC-USDT-1m.csv")

    with pytest.raises(
        MarketUnreadable, match=r"several symbols that may be BTCUSDT \(BTC-USDT-1m.csv, BTC-USDT-S"
    ):
        MarketFiles(tmp_path).market("BTCUSDT")


def test_other_files_of_an_archive_are_passed_over(tmp_path: Path) -> None:
    file(tmp_path, "BTCUSDT-1m-2024-08.csv", 3.0)
    for name in (
        *(
            "BTCUSDT-bookTicker-2024-08-01.csv",
            "BTCUSDT-metrics-2024-08-01.csv",
            "BTCUSDT-1m-2024-08.zip.CHECKSUM",
        ),
        *(
            "BTCUSDT-indexPriceKlines-1m-2024-08.csv",
            "._BTCUSDT-1m.csv",
            "BTCUSDT-liquidationSnapshot-2024.csv",
        ),
    ):
        (tmp_path / name).write_text("nothing of use")
    (tmp_path / "ETHUSDT.csv").mkdir()

    assert MarketFiles(tmp_path, lower_timeframe=tmp_path).market("BTCUSDT").candles.candles[0].open == 3.0


def trades(folder: Path, name: str, *rows: tuple[int, float]) -> None:
    (folder / name).write_text("time,price\n" + "".join(f"{at},{price}\n" for at, price in rows))


def test_trades_do_not_hide_lower_timeframe_candles(tmp_path: Path) -> None:
    file(tmp_path, "BTCUSDT-5m.csv", step=5 * MINUTE)
    file(tmp_path, "BTCUSDT-1m.csv", count=10)
    file(tmp_path, "BTCUSDT-1m-mark.csv", 9.0, count=10)
    trades(tmp_path, "BTCUSDT-trades-2024-08-01.csv", (T0, 1.0), (T0 + 9, 1.0), (T0 + 6 * MINUTE, 2.0))
    trades(tmp_path, "BTCUSDT-aggTrades-2024-08-01.csv", (T0, 1.0))
    market = MarketFiles(tmp_path / "BTCUSDT-5m.csv", lower_timeframe=tmp_path).market("BTCUSDT")

    assert market.lower_timeframe == TradeSeries(
        [Trade(T0, 1.0), Trade(T0 + 9, 1.0), Trade(T0 + 6 * MINUTE, 2.0)]
    )
    assert [type(each) for each in market.lower_timeframe_else] == [TradeSeries, CandleSeries]


def test_lower_timeframe_data_that_can_not_be_used_are_left_out_by_name(tmp_path: Path) -> None:
    file(tmp_path, "BTCUSDT-5m.csv", step=5 * MINUTE)
    file(tmp_path, "BTCUSDT-1m.csv", count=10)
    trades(tmp_path, "BTCUSDT-trades-2024-08-01.csv", (T0, 0.0))
    market = MarketFiles(tmp_path / "BTCUSDT-5m.csv", lower_timeframe=tmp_path)

    assert isinstance(market.market("BTCUSDT").lower_timeframe, CandleSeries)
    [left_out] = market.left_out
    assert left_out.where == "BTCUSDT-trades-2024-08-01.csv"
    assert left_out.reason.endswith(
        "line 2: price is 0.0; allowed: a finite price above 0; BTCUSDT is walked without"
    )


def test_of_a_folder_with_everything_all_lower_timeframe_intervals_are_tried(tmp_path: Path) -> None:
    file(tmp_path, "BTCUSDT-1m.csv", count=10)
    file(tmp_path, "BTCUSDT-1s.csv", step=1000)
    file(tmp_path, "BTCUSDT-3m.csv", step=3 * MINUTE)
    coarse = file(tmp_path, "BTCUSDT-5m.csv", step=5 * MINUTE)

    market = MarketFiles(coarse, lower_timeframe=tmp_path).market("BTCUSDT")

    lower_timeframe = [market.lower_timeframe, *market.lower_timeframe_else]
    assert [each.interval_ms for each in lower_timeframe if isinstance(each, CandleSeries)] == [1000, MINUTE]


def test_a_symbol_that_can_not_be_read_is_read_once(tmp_path: Path) -> None:
    broken = file(tmp_path, "BTCUSDT.csv", -1.0)
    market = MarketFiles(tmp_path)
    with pytest.raises(MarketUnreadable, match="line 1: open is"):
        market.market("BTCUSDT")
    broken.unlink()

    with pytest.raises(MarketUnreadable, match="line 1: open is"):
        market.market("BTCUSDT")
