"""`whatif --report`: what the report needs of the pairs and positions of a run."""

from collections.abc import Callable
from pathlib import Path

from exitbrain.application.counterfactual import Pair, WhatIf
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.engines import engine_for
from exitbrain.infrastructure.cli.outcomes import Found, Unwalked
from exitbrain.infrastructure.cli.store import Reading
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
        from exitbrain.infrastructure.lab.report.what_if import (  # noqa: PLC0415 - start-up
            Walked,
            WhatIfRun,
            write_what_if,
        )

        registered = store_read.ledger.register().policies
        recorded = [registered[name].policy for name in self._changes.recorded if name in registered]
        policies = {policy.name: policy for policy in (*recorded, answer.policy)}
        walked = None
        if found is not None:
            walked = Walked(
                outcomes=found.outcomes,
                left_out=[_told(one) for one in found.left_out],
                totals=found.panel.totals[0],
                judgement=found.judgement(),
                baseline=found.question.baseline_name,
            )
        run = WhatIfRun(answer, self._changes, tuple(policies.values()), walked)
        engine = engine_for(answer.policy, store_read.container.engine())
        write_what_if(Path(self._path), run, engine)
        output.say(f"Report: {self._path}")


def _told(one: Unwalked) -> str:
    position = one.position
    opened = f"{position.opened_at:%Y-%m-%d %H:%M}"
    return f"Left out: {position.symbol}, opened {opened}: {one.because.replace('_', ' ')} ({one.detail})."
