"""The synthetic candles are the same everywhere and agree with the synthetic messages."""

import json
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from exitbrain.application.ports.market import NoMarket
from exitbrain.infrastructure.demo import synthetic
from exitbrain.infrastructure.demo.candles import (
    MINUTE_MS,
    MINUTES,
    Candles,
    SyntheticMarket,
    lines,
    synthetic_candles,
    write_candles,
)
from exitbrain.infrastructure.lab.market_files import MarketFiles

SEED, MESSAGES = 37, 400


@pytest.fixture(scope="module")
def symbols() -> Candles:
    return synthetic_candles(MESSAGES, seed=SEED)


def test_a_seed_gives_the_same_candles_on_every_python_and_machine(
    symbols: Candles,
) -> None:
    text = "\n".join(line for candles in symbols.values() for line in lines(candles))

    assert (
        sha256(text.encode()).hexdigest()
        == "5ceb3398e375fd31731750fa908de7fcccd61cfee888f5e2bf8ac4946630b58f"
    )


def test_the_price_of_every_message_lies_in_the_candle_of_its_minute(symbols: Candles) -> None:
    ticks = {symbol: tick for symbol, tick, _ in synthetic.listings()}
    quotes = list(synthetic.quotes(MESSAGES, seed=SEED))

    assert len(quotes) == MESSAGES
    for quote in quotes:
        at_ms = quote.at_ms // MINUTE_MS * MINUTE_MS
        [candle] = [one for one in symbols[quote.symbol] if one.open_time_ms == at_ms]
        assert candle.low <= ticks[quote.symbol] * quote.ticks <= candle.high, quote


def test_quotes_are_the_prices_and_times_of_the_messages() -> None:
    ticks = {symbol: tick for symbol, tick, _ in synthetic.listings()}
    messages = list(synthetic.messages(MESSAGES, seed=SEED))
    compared = 0
    for quote, message in zip(synthetic.quotes(MESSAGES, seed=SEED), messages, strict=True):
        assert message["stream_id"] == f"{quote.at_ms}-0"
        price = json.loads(message["fields"].get("payload", "{}")).get("entry_price", "NaN")
        if price != "NaN":
            compared += 1
            assert price == float(ticks[quote.symbol] * quote.ticks)
    assert compared > MESSAGES / 2


def test_candles_follow_each_other_without_a_hole_or_a_jump(symbols: Candles) -> None:
    for candles in symbols.values():
        assert len(candles) == MINUTES
        for before, after in pairwise(candles):
            assert after.open_time_ms - before.open_time_ms == MINUTE_MS
            assert after.open == before.close
            assert after.low <= min(after.open, after.close) <= max(after.open, after.close) <= after.high


def test_the_files_hold_the_same_doubles_as_what_is_handed_over(symbols: Candles, tmp_path: Path) -> None:
    write_candles(tmp_path / "candles", symbols)
    files, handed_over = MarketFiles(tmp_path / "candles"), SyntheticMarket(symbols)

    for symbol in symbols:
        assert files.market(symbol) == handed_over.market(symbol)


def test_a_symbol_without_candles_is_named(symbols: Candles) -> None:
    with pytest.raises(NoMarket, match="no synthetic candles of S9USDT; there: BTCUSDT"):
        SyntheticMarket(symbols).market("S9USDT")
