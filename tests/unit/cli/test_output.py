"""What people see: tables that fit by dropping columns, and whose numbers and words are never cut."""

import io

import pytest
from rich.console import Console

from exitbrain.infrastructure.presentation.table import ShownTable


def table() -> ShownTable:
    shown = ShownTable("Levels")
    shown.text("Level")
    shown.number("Raw", drop=1)
    shown.number("Net", drop=2)
    shown.prose("Bound by")
    shown.row("TP1", "0.847247979309735", "-0.0123 % to 0.0456 %", "")
    shown.row("SL", "0.02", "1.00 %", "clamp_max: 1.04 to 0.02")
    return shown


def lines(width: int | None) -> tuple[str, list[str]]:
    """Return the table as it is printed, and the headings left out."""
    screen = Console(file=io.StringIO(), width=1000, highlight=False)
    drawn, dropped = table().fitted(width)
    screen.print(drawn)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue(), dropped


@pytest.mark.parametrize(
    ("width", "dropped"),
    [
        (None, []),
        (100, []),
        (72, []),
        (54, ["Raw"]),
        (37, ["Raw"]),
        (36, ["Raw", "Net"]),
        (25, ["Raw", "Net"]),
    ],
)
def test_a_table_drops_the_columns_that_matter_least_until_it_fits(
    width: int | None, dropped: list[str]
) -> None:
    text, left_out = lines(width)

    assert left_out == dropped
    assert width is None or max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text
    assert "clamp_max:" in text


def test_an_interval_takes_two_lines_before_a_column_is_dropped() -> None:
    text, _ = lines(37)

    assert "-0.0123 % to" in text
    assert "0.0456 %" in text
    assert "-0.0123 % to 0.0456 %" not in text


def test_a_column_that_is_always_shown_is_shown_whole_on_the_narrowest_screen() -> None:
    text, _ = lines(5)

    assert "Level" in text
    assert "clamp_max:" in text
