"""`python -m benchmarks [decision|store|startup ...] [--write]`: take the figures, print them, keep the table."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import decision, startup, store
from benchmarks.measure import Figure, is_time, machine

PARTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "decision": decision.figures,
    "store": store.figures,
    "startup": startup.figures,
}
TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"

PREFACE = """# Benchmarks

Taken with `make bench BENCH_ARGS=--write`; `make bench` only prints. Each figure stands beside what a user would pick
instead, measured in the same run, and both are checked to have done the same work. Rates: higher is better; times: lower.
On shared cores the same figure moves by a third from run to run: read the ratios before the rates. "Reach" is what the
project promises itself, "aim" what it would like.
"""


def main(arguments: list[str]) -> None:
    """Take the figures of the named parts, or of all."""
    wanted = [name for name in arguments if not name.startswith("-")] or list(PARTS)
    taken: list[Figure] = []
    for name in wanted:
        for figure in PARTS[name]():
            taken.append(figure)
            print(
                f"{figure.what}: {shown(figure.ours, figure.unit)} {figure.unit} (reach {figure.reach}){beside(figure)}"
            )
    if "--write" in arguments:
        TABLE.write_text(table(taken))


def table(figures: list[Figure]) -> str:
    """Return the page with the figures."""
    rows = [
        f"| {f.what} | **{shown(f.ours, f.unit)}** {f.unit} | {f.reach} | {f.beyond} | {peer_of(f)} | {f.work} |"
        for f in figures
    ]
    head = ["| what | measured | reach | aim | peer in the same run | work |", "|---|---|---|---|---|---|"]
    return "\n".join([PREFACE, f"Machine: {machine()}.", "", *head, *rows, ""])


def beside(figure: Figure) -> str:
    """Return the comparison as the end of a line."""
    return f"; {peer_of(figure)}" if figure.peer else ""


def peer_of(figure: Figure) -> str:
    """Return the peer with its figure and how many times better ours is."""
    if figure.ratio is None:
        return "nothing else does this"
    return f"{figure.peer}: {shown(figure.theirs, figure.unit)}, ours {figure.ratio:.2g} times that speed"


def shown(value: float, unit: str) -> str:
    """Return a figure with three digits that mean something."""
    return f"{value:.3g}" if is_time(unit) else f"{value:,.0f}"


if __name__ == "__main__":
    main(sys.argv[1:])
