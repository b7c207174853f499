"""Progress: on a terminal, and only where somebody would wait."""

import io

import pytest
from rich.console import Console

from exitbrain.infrastructure.cli.progress import ProgressBar


def shown(*, terminal: bool, patience_s: float, total: int | None = 200) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=120)
    with ProgressBar("ingesting", total, console=console, patience_s=patience_s) as work:
        work.reached(50, count=1234, unit="messages")
    return screen.getvalue()


def test_work_on_a_terminal_shows_how_far_it_is_and_how_fast() -> None:
    text = shown(terminal=True, patience_s=0.0)

    assert "ingesting" in text
    assert "25%" in text
    assert "1,234 messages" in text


def test_work_of_unknown_length_shows_no_percentage() -> None:
    assert "%" not in shown(terminal=True, patience_s=0.0, total=None)


@pytest.mark.parametrize(("terminal", "patience_s"), [(False, 0.0), (True, 3600.0)])
def test_nothing_is_shown_without_a_terminal_or_when_work_is_short(terminal: bool, patience_s: float) -> None:
    assert shown(terminal=terminal, patience_s=patience_s) == ""
