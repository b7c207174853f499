"""What writing the laboratory's example came to."""

from collections.abc import Iterator

from msgspec import Struct


class LabExampleReport(Struct):
    """The files of the example, and the commands that take it in and ask about its stops.

    `positions` counts the recorded positions, `stopped` those among them that their stop closed.
    """

    folder: str
    effect: str
    days: int
    seed: int
    symbols: list[str]
    positions: int
    stopped: int
    commands: list[str]


def lab_example_text(report: LabExampleReport) -> Iterator[str]:
    """Yield the lines for people."""
    yield (
        f"{report.folder}: {report.positions} synthetic positions of {', '.join(report.symbols)} in {report.days} day{'' if report.days == 1 else 's'}, "
        f"{report.stopped} of them closed by their stop; nothing in them was ever traded."
    )
    yield "Would another stop have done better?"
    yield from (f"  {command}" for command in report.commands)
