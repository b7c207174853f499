"""Positions to be simulated, from JSON lines and CSV."""

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from exitbrain.application.simulation.positions import GivenPosition
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.values import Side
from exitbrain.infrastructure.lab.positions import read_positions
from exitbrain.infrastructure.wire.jsonl import InputUnreadable

LINE = '{"symbol": "btcusdt", "side": "BUY", "entry_price": 100.10, "opened_at": "2025-10-10T21:00:00Z"'
AT = datetime(2025, 10, 10, 21, tzinfo=UTC)


def written(tmp_path: Path, text: str, name: str = "positions.jsonl") -> str:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path / name)


def test_a_json_line_may_say_everything_or_only_what_is_needed(tmp_path: Path) -> None:
    full = ', "leverage": 20, "volatility_factor": "1.5", "funding_rate": 0.0001, "exchange_divergence": 0.2'
    path = written(
        tmp_path, LINE + "}\n\n" + LINE + full + ', "confidence": 0.9, "quantity": 3, "note": 1}\n'
    )

    assert read_positions(path) == [
        GivenPosition("BTCUSDT", Side.LONG, Decimal("100.10"), AT, where=f"{path} line 1"),
        GivenPosition(
            "BTCUSDT",
            Side.LONG,
            Decimal("100.10"),
            AT,
            20.0,
            1.5,
            0.0001,
            0.2,
            0.9,
            Decimal(3),
            where=f"{path} line 3",
        ),
    ]


@pytest.mark.parametrize(
    "at", ["2025-10-10 21:00", "2025-10-10T23:00:00+02:00", "1760130000", "1760130000000"]
)
def test_csv_has_a_header_and_times_in_several_forms(at: str, tmp_path: Path) -> None:
    path = written(
        tmp_path, f"opened_at,symbol,side,leverage,entry_price\n{at},BTCUSDT,SHORT,,100\n", "p.csv"
    )

    [position] = read_positions(path)

    assert (position.side, position.opened_at, position.leverage) == (Side.SHORT, AT, None)


def test_a_recorded_position_may_be_nested_and_packed(tmp_path: Path) -> None:
    line = (
        '{"symbol": "A", "position": {"side": "SHORT", "qty": 2, "avg_entry": 1.5, "opened_at": 1760130000}}'
    )
    (tmp_path / "p.gz").write_bytes(gzip.compress(line.encode()))

    [position] = read_positions(str(tmp_path / "p.gz"))

    assert (position.entry_price, position.quantity) == (Decimal("1.5"), Decimal(2))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LINE.replace("BUY", "CLOSE") + "}", "line 1: side is 'CLOSE'; allowed: BUY, LONG, SELL or SHORT"),
        (LINE.replace("100.10", "0") + "}", "line 1: entry_price is '0'; allowed: a number from"),
        (LINE.replace("100.10", "NaN") + "}", "line 1: entry_price is 'NaN'"),
        (LINE.replace('"entry_price"', '"price"') + "}", "line 1: entry_price is 'absent'; allowed: a number"),
        (LINE.replace("2025-10-10T21:00:00Z", "tomorrow") + "}", "line 1: opened_at is 'tomorrow'; allowed: a time"),
        (LINE + ', "leverage": 126}', "line 1: leverage is '126'; allowed: a number from 1 to 125"),
        (LINE + "}\n[1]", "line 2 is '[1]'; allowed: a JSON object"),
        (LINE + "}\n{", "line 2 is '{'; allowed: a JSON object"),
        ("", "is 'empty'; allowed: at least one position"),
        ("symbol,side,entry_price,opened_at\n", "is 'a header alone'; allowed: at least one position"),
        ("symbol,side,opened_at\n", "line 1 is 'symbol, side, opened_at'; allowed: a header with symbol, side, entry"),
        ("symbol,side,entry_price,opened_at\nA,BUY,x,1760130000\n", "line 2: entry_price is 'x'; allowed: a number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text: str, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)

    with pytest.raises(InvalidValue) as error:
        read_positions(path)

    assert str(error.value).startswith(path)
    assert says in str(error.value)


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match="No such file"):
        read_positions(str(tmp_path / "nothing.jsonl"))
