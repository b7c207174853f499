"""What people see: tables whose numbers are never cut, however narrow the terminal."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from exitbrain.infrastructure.cli.output import fitted

LINES = "Levels\nLevel TP1, Raw 0.847247979309735\nLevel SL, Raw 0.02, Bound by clamp_max: 1.04 to 0.02\n"


def shown(width: int) -> str:
    table = Table(title="Levels", title_justify="left")
    table.add_column("Level")
    table.add_column("Raw", justify="right")
    table.add_column("Bound by")
    table.add_row("TP1", "0.847247979309735", "")
    table.add_row("SL", "0.02", "clamp_max: 1.04 to 0.02")
    screen = Console(file=io.StringIO(), width=width, highlight=False)
    for part in fitted(table, width):
        screen.print(part, soft_wrap=isinstance(part, str))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


@pytest.mark.parametrize("width", [45, 60, 200])
def test_a_table_wraps_words_and_no_number(width: int) -> None:
    text = shown(width)

    assert "0.847247979309735" in text
    assert "clamp_max:" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_terminal_too_narrow_for_the_table_gets_a_line_for_each_row() -> None:
    assert shown(40) == LINES
