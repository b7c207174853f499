"""A record with one position of each kind, and its candles."""

from pathlib import Path

from tests.unit.cli.messages import intent, line, write
from tests.unit.cli.test_whatif_closes import DIP, TOP, close
from tests.unit.cli.test_whatif_on_candles import CALM, WILD, candle_file


def write_every_kind(folder: Path) -> None:
    """Write messages and candles of one position of each kind: stopped, added to, of unknown quantity, without candles, off market, in USDC."""
    candles = folder / "candles"
    for symbol in ("BTCUSDT", "ETHUSDT", "DOGEUSDT", "ADAUSDC"):
        candle_file(candles, symbol, [*CALM[:8], *DIP, *TOP])
    candle_file(candles, "SOLUSDT", [*CALM[:5], WILD, *CALM])
    unknown = {"symbol": "SOLUSDT", "side": "SELL", "entry_price": "100", "leverage": "10"}
    write(
        folder / "messages.jsonl",
        [
            intent(1, "BTCUSDT", "BUY"),
            intent(2, "ETHUSDT", "BUY", quantity="1"),
            line("trade.intent", 3, unknown),
            intent(4, "XRPUSDT", "BUY"),
            intent(5, "DOGEUSDT", "BUY"),
            intent(6, "ADAUSDC", "BUY", quantity="3"),
            intent(60, "ETHUSDT", "BUY", entry_price="100.1", quantity="30"),
            close(300, "DOGEUSDT", "170", "signal"),
            close(310, "ETHUSDT", "99.95", "signal"),
            close(560, "BTCUSDT", "98.6", "stop_loss (R=-1.0)"),
            close(561, "ADAUSDC", "98.6", "moon phase"),
        ],
    )
