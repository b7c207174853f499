"""Each candle is refined with the finest data that are complete for it, whatever lies in the folder."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.unit.cli.conftest import Exitbrain

T0 = 1_760_130_000_000
MINUTE = 60_000
UP_THEN_DOWN = [(100, 103, 100, 101), (101, 101, 97, 97), (97, 100, 97, 100), *[(100, 100, 100, 100)] * 2]
"""Five minutes that reach every target of a long before its stop."""


def candles(
    path: Path, first_ms: int, interval: int, rows: Sequence[tuple[float, float, float, float]]
) -> None:
    path.parent.mkdir(exist_ok=True)
    lines = [f"{first_ms + n * interval * MINUTE},{','.join(map(str, row))}" for n, row in enumerate(rows)]
    path.write_text("\n".join(["open_time_ms,open,high,low,close", *lines]) + "\n")


def test_trades_decide_where_they_are_complete_and_candles_where_they_are_not(
    tmp_path: Path, exitbrain: Exitbrain
) -> None:
    """The trades tell all of the first candle and one price of the second, the minutes only of the second."""
    candles(tmp_path / "candles" / "BTCUSDT-5m.csv", T0, 5, [(100, 103, 97, 100)] * 2)
    candles(tmp_path / "finer" / "BTCUSDT-1m.csv", T0 + 5 * MINUTE, 1, UP_THEN_DOWN)
    path = [(T0, 100), (T0 + 1, 103), (T0 + 2, 97), (T0 + 3, 100), (T0 + 6 * MINUTE, 99)]
    trades = "".join(f"{at},{price}\n" for at, price in path)
    (tmp_path / "finer" / "BTCUSDT-trades-2025-10.csv").write_text("time,price\n" + trades)
    of_each = [
        {"symbol": "BTCUSDT", "side": "LONG", "entry_price": 100, "opened_at": T0 + n * 5 * MINUTE}
        for n in range(2)
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, of_each)))

    report = exitbrain(
        *("simulate", "--positions", "p.jsonl", "--candles", "candles", "--policy", "v3.6"),
        *("--finer", "finer", "--json"),
    ).report

    assert [(one["ambiguous"], one["refined"], one["unrefined"]) for one in report["positions"]] == [
        (False, 1, 0),
        (False, 1, 0),
    ]
    for one in report["positions"]:
        assert [leg["level"] for leg in one["pessimistic"]["legs"]] == ["TP1", "TP2", "TP3"]
