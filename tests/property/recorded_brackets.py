"""The leverage brackets of every symbol as they were recorded."""

import gzip
import json
from functools import cache
from pathlib import Path

from exitbrain.domain.levels.instrument import Bracket, brackets_with_amounts

FILE = Path("market") / "binance-usdm-leverage-tiers.json.gz"


@cache
def recorded_brackets(shared_data: Path) -> dict[str, tuple[Bracket, ...]]:
    """Return the brackets by symbol; symbols read like `BTC/USDT:USDT`."""
    with gzip.open(shared_data / FILE, "rt", encoding="utf-8") as file:
        tiers = json.load(file)
    return {
        symbol: brackets_with_amounts(
            [
                (tier["minNotional"], tier["maxNotional"], tier["maintenanceMarginRate"], tier["maxLeverage"])
                for tier in rows
            ]
        )
        for symbol, rows in tiers.items()
    }
