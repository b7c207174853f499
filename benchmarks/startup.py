"""How long the command line takes to answer."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Figure, best_of


def figures() -> Iterator[Figure]:
    help_text = [sys.executable, "-m", "exitbrain.infrastructure.cli.main", "--help"]
    nothing = [sys.executable, "-c", "pass"]
    yield Figure(
        "`exitbrain --help`, the whole process",
        "s",
        best_of(7, lambda: subprocess.run(help_text, check=True, capture_output=True)),
        "the bare interpreter",
        best_of(7, lambda: subprocess.run(nothing, check=True, capture_output=True)),
        "0.5",
        "0.2",
        "best of 7",
    )
