"""The report of a what-if on a store, from what was asked of its decisions and positions."""

from collections.abc import Iterator
from pathlib import Path

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.whatif.decisions import WhatIf
from exitbrain.application.whatif.outcomes import LeftOutPosition
from exitbrain.application.whatif.results import Found
from exitbrain.infrastructure.lab.reports.changes import Changes
from exitbrain.infrastructure.lab.reports.what_if import CandidateOutcomes, WhatIfRun, write_what_if
from exitbrain.infrastructure.presentation.wording import left_out_lines


def write_report(
    path: Path,
    ledger: ExitLedger,
    engine: LevelEngine,
    answer: WhatIf,
    changes: Changes,
    found: Found | None,
) -> None:
    """Write the page of one policy; `found` is None where no candles were given."""
    registered = ledger.register().policies
    recorded = [registered[name].policy for name in changes.recorded if name in registered]
    policies = {policy.name: policy for policy in (*recorded, answer.policy)}
    walked = None if found is None else _walked(found)
    write_what_if(path, WhatIfRun(answer, changes, tuple(policies.values()), walked), engine)


def _walked(found: Found) -> CandidateOutcomes:
    return CandidateOutcomes(
        outcomes=found.outcomes,
        left_out=[
            *(_told(one) for one in found.left_out),
            *left_out_lines(found.data_left_out, found.remarks),
        ],
        totals=found.panel.totals[0],
        judgement=found.judgement,
        baseline=found.question.baseline_name,
        notes=[*_off_market(found), *_failing(found)],
    )


def _off_market(found: Found) -> Iterator[str]:
    if found.panel.off_market_unknown:
        yield (
            f"Positions of which a recorded price has no candle, so that nobody can say whether it is off market: "
            f"{found.panel.off_market_unknown}."
        )


def _failing(found: Found) -> Iterator[str]:
    names = (found.question.baseline_name, found.question.candidates[0].name)
    for outcome in found.outcomes:
        for name, walked in zip(names, (outcome.baseline, outcome.candidates[0]), strict=True):
            if walked.failed_guards:
                opened = f"{outcome.position.opened_at:%Y-%m-%d %H:%M}"
                guards = ", ".join(walked.failed_guards)
                yield f"Walked all the same: {outcome.position.symbol}, opened {opened}: {name} fails {guards}."


def _told(one: LeftOutPosition) -> str:
    position = one.position
    opened = f"{position.opened_at:%Y-%m-%d %H:%M}"
    return f"Left out: {position.symbol}, opened {opened}: {one.because.replace('_', ' ')} ({one.detail})."
