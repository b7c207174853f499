"""One instrument in several spellings, and what stays apart."""

import pytest

from exitbrain.domain.names import QUOTES
from exitbrain.infrastructure.wire.symbols import (
    PERPETUAL_SPELLINGS,
    SPOT_SPELLINGS,
    spelling_of,
)
from tests.unit.wire.made import close, intent

PERPETUAL = [spelling for spellings, _ in PERPETUAL_SPELLINGS for spelling in spellings.split(", ")]
SPOT = [spelling for spellings, _ in SPOT_SPELLINGS for spelling in spellings.split(", ")]
STAYS = [
    "ETHUSDT", "ETHUSDC", "1000PEPEUSDT", "BTCDOMUSDT", "BYBIT:ETHUSDT.P", "OKX:ETH-USDT-SWAP", "BITGET:ETHUSDT",
    "BINANCEUS:ETHUSDT", "ETHUSDT_260327", "ETH/USDT:USDT-260327", "ETH-USDT-260327", "BINANCE:ETHUSDT_260327",
    "ETH/USD:ETH", "ETHUSD_PERP", "ETHUSD.P", "BINANCE:ETHUSD.P", "ETH-USD-SWAP", "ETH/USDC:USDT", "ETH-PERP",
    "ETH/BTC", "BTC/FDUSD", "USDT", "BINANCE:USDT", "/USDT", "ETHUSDT.PS", "ETHUSDTPERPX", "ETH/USDT:USDT:USDT",
    "ETH_USDT_260327", "BTC-USDT-260327-50000-C",
]  # fmt: skip


@pytest.mark.parametrize("spelling", PERPETUAL)
@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("base", ["ETH", "1000PEPE", "1INCH", "C98", "USDC", "币安"])
def test_every_spelling_of_a_perpetual_is_its_symbol(spelling: str, quote: str, base: str) -> None:
    text = spelling.replace("USDT", quote).replace("ETH", base)
    for written in (text, text.lower(), f" {text} "):
        for found in (intent(symbol=written), close(symbol=written)):
            assert (found.symbol, found.spot) == (base + quote, False)
            assert [(each.field, each.value) for each in found.assumptions] == [("symbol", written.strip())]
            assert found.unusable == ()


@pytest.mark.parametrize("spelling", SPOT)
@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("base", ["ETH", "1000PEPE", "币安"])
def test_every_spelling_of_a_spot_market_is_the_same_symbol_and_says_so(
    spelling: str, quote: str, base: str
) -> None:
    text = spelling.replace("USDT", quote).replace("ETH", base)
    for found in (intent(symbol=text), intent(symbol=text, side="CLOSE"), close(symbol=text.lower())):
        assert (found.symbol, found.spot) == (base + quote, True)
        assert [each.field for each in found.assumptions] == ["symbol"]


@pytest.mark.parametrize("symbol", STAYS)
def test_what_the_table_does_not_name_stays_as_it_is_written(symbol: str) -> None:
    for written in (symbol, symbol.lower()):
        found = intent(symbol=written)
        assert (found.symbol, found.spot, found.assumptions) == (symbol, False, ())


@pytest.mark.parametrize(
    "spelling",
    ["ETH/USDT:USDT", "ETHUSDT.P", "BINANCE:ETHUSDT.P", "ETHUSDT-PERP", "ETH-USDT-SWAP", "ETHUSDTPERP"],
)
def test_the_spellings_of_ccxt_tradingview_nautilus_and_okx_are_known(spelling: str) -> None:
    assert (spelling_of(spelling).name, spelling_of(spelling).spot) == ("ETHUSDT", False)


@pytest.mark.parametrize("spelling", ["ETH/USDT", "BINANCE:ETHUSDT", "ETH-USDT", "ETH_USDT"])
def test_the_spellings_of_spot_markets_are_known(spelling: str) -> None:
    assert (spelling_of(spelling).name, spelling_of(spelling).spot) == ("ETHUSDT", True)


def test_only_letters_of_ascii_are_compared_without_case() -> None:
    assert spelling_of("ETHUſDT.P").name == "ETHUſDT.P"
    assert spelling_of("币安usdt").name == "币安usdt"
