"""`whatif --report`: what the report needs of the pairs and positions of a run."""

from collections.abc import Callable
from pathlib import Path

from exitbrain.application.counterfactual import Pair, WhatIf
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.engines import engine_for
from exitbrain.infrastructure.cli.store import Reading
from exitbrain.infrastructure.lab.outcomes import Found
from exitbrain.infrastructure.lab.report.changes import Changes


class WhatIfReport:
    """Collects decisions before and after, and writes the page."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._changes = Changes()

    def beside(self, other: Callable[[Pair], None] | None) -> Callable[[Pair], None]:
        """Return what takes a pair for the report and hands it on."""

        def take(pair: Pair) -> None:
            self._changes.take(pair)
            if other is not None:
                other(pair)

        return take

    def write(self, answer: WhatIf, found: Found | None, store_read: Reading) -> None:
        """Write the page and say where."""
        # Only here, since it brings plotly.
        from exitbrain.infrastructure.lab.report.recorded import write_report  # noqa: PLC0415 - start-up

        engine = engine_for([answer.policy], store_read.container.engine())
        write_report(Path(self._path), store_read.ledger, engine, answer, self._changes, found)
        output.say(f"Report: {self._path}")
