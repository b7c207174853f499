"""Write the report of a what-if on the decisions and positions of a store."""

from collections.abc import Iterator
from pathlib import Path

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.whatif.decisions import WhatIf
from exitbrain.application.whatif.results import OutcomeResults
from exitbrain.infrastructure.lab.reports.changes import Changes
from exitbrain.infrastructure.lab.reports.left_out import failing_table, left_out_tables
from exitbrain.infrastructure.lab.reports.what_if import CandidateOutcomes, WhatIfRun, write_what_if
from exitbrain.infrastructure.presentation.closes import closes_text, traded_text


def write_report(
    path: Path,
    ledger: ExitLedger,
    engine: LevelEngine,
    answer: WhatIf,
    changes: Changes,
    results: OutcomeResults | None,
) -> None:
    """Write the page of one policy; `results` is None without candles."""
    registered = ledger.register().policies
    recorded = [registered[name].policy for name in changes.recorded if name in registered]
    policies = {policy.name: policy for policy in (*recorded, answer.policy)}
    walked = None if results is None else _walked(results)
    write_what_if(path, WhatIfRun(answer, changes, tuple(policies.values()), walked), engine)


def _walked(results: OutcomeResults) -> CandidateOutcomes:
    return CandidateOutcomes(
        outcomes=results.outcomes,
        left_out=len(results.left_out),
        folds=(*left_out_tables(results), *failing_table(results)),
        totals=results.panel.totals[0],
        evidence=results.evidence,
        baseline=results.question.baseline_name,
        notes=[
            *closes_text(results),
            *traded_text(results),
            *_off_market(results),
        ],
    )


def _off_market(results: OutcomeResults) -> Iterator[str]:
    if results.panel.off_market_unknown:
        yield (
            f"Positions that may be off market, because a recorded price has no candle: "
            f"{results.panel.off_market_unknown}."
        )
