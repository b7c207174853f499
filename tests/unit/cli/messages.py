"""Recorded messages as lines of a file."""

import json
from pathlib import Path
from typing import Any

FIRST_MS = 1767268800000


def intent(number: int, symbol: str, side: str, **fields: Any) -> str:
    """Return the line of an intent with a stream id of its own, one second after the one before."""
    said = {"symbol": symbol, "side": side, "entry_price": "100", "quantity": "2", "leverage": "10", **fields}
    return line("trade.intent", number, {name: str(value) for name, value in said.items()})


def line(stream: str, number: int, fields: dict[str, Any]) -> str:
    """Return the line of any message."""
    stream_id = f"{FIRST_MS + 1000 * number}-0"
    return json.dumps({"stream": f"quantum:stream:{stream}", "stream_id": stream_id, "fields": fields})


def story() -> list[str]:
    """Return a short life: two positions opened, one changed and closed, and two lines that are of no use."""
    return [
        intent(1, "BTCUSDT", "BUY"),
        intent(2, "ETHUSDT", "SELL", leverage="25", volatility_factor="1.4"),
        intent(3, "BTCUSDT", "BUY", leverage="20"),
        line(
            "trade.closed",
            4,
            {"symbol": "BTCUSDT", "pnl_percent": "-0.7", "order_id": "77", "reason": "stop\x1b[31m hit"},
        ),
        intent(5, "BTCUSDT", "SELL", leverage="500"),
        "not JSON",
        intent(6, "BTCUSDT", "HOLD"),
    ]


def write(path: Path, lines: list[str]) -> Path:
    """Write lines to a file."""
    path.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    return path
