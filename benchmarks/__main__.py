"""`python -m benchmarks [PART ...] [--write]`: take the figures of these parts, or of all, print them, keep the table."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    decision,
    exits,
    lab,
    lab_policies,
    live,
    look_ups,
    memory,
    outcome_table,
    startup,
    store,
)
from benchmarks.measure import Figure, less_is_better, machine

PARTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "decision": decision.figures,
    "store": store.figures,
    "look_ups": look_ups.figures,
    "startup": startup.figures,
    "live": live.figures,
    "lab": lab.figures,
    "lab_policies": lab_policies.figures,
    "outcome_table": outcome_table.figures,
    "exits": exits.figures,
    "memory": memory.figures,
}
TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"

PREFACE = """# Benchmarks

Run `make bench BENCH_ARGS=--write` to update this page; `make bench` only prints. Each figure has a peer, the tool a user
would pick instead, measured in the same run; a check confirms that both did the same work. For rates higher is better, for
times and memory lower. On shared cores a figure varies by a third from run to run, so read the ratios before the rates.
"Reach" is the promise of the project, "aim" its wish.
"""

NOTES = """## What moves the figures

- **Shared cores.** Pure computation (one decision, the whole decide, the replays) varies with the load given in the
  machine line; the table shows the best of several runs.
- **The interpreter.** Debian's is built with profile-guided optimisation. One built without runs the plain formula 0.8 M
  times a second instead of 1.3 M on the same machine; all computation is a fifth slower.
- **The disk.** Every transaction waits for the disk. With one message per transaction that wait is nearly all of the time;
  in batches of 256 it is a fifth on an idle disk, and most of it on a busy one.
- **The whole decide** spends a sixth on translation: JSON and every check of the intake, for the usual shape of a
  message. The rest is formula, guards, and about four events with all that replay needs.
- **Row replay** reads every page of the store to find the decisions in it, so its rate falls with the other events per
  message. It uses one process per core, each for a part of the log.
- **No row for verdicts in columns.** The table had 10 M verdicts from Parquet in 2.2 s. They checked the mirror, not the
  store, and only decisions without ticks, so that lane of `replay` was cut
  ([ADR 15](adr/0015-the-mirror-and-the-lanes.md)). Rows check the store itself.
- **No rows beside vectorbt.** They measured a kernel for one target without costs that no command used, so it was cut. A
  test still compares the walk with exits found by vectorbt.

## Installing the demo

Promised: 60 s and 250 MB. Measured by hand in a fresh clone, on two cores at a load of 7 (`make demo`, then
`du -sm .venv`): 36.8 s and 209 MB, plus 7.3 s for the demo.
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
    short = [f"- {f.what}: {shown(f.ours, f.unit)} {f.unit} of {f.reach}" for f in figures if f.falls_short]
    verdict = ["Below what is promised in this run:", "", *short] if short else ["Every promise was kept."]
    return "\n".join([PREFACE, f"Machine: {machine()}.", "", *head, *rows, "", *verdict, "", NOTES])


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
    return f"{value:.3g}" if less_is_better(unit) else f"{value:,.0f}"


if __name__ == "__main__":
    main(sys.argv[1:])
