"""The derivation of levels, as lines that anyone can evaluate and as a tree, compared with the record."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct
from rich.console import RenderableType
from rich.tree import Tree

from exitbrain.application.queries.explain import Explanation
from exitbrain.application.queries.wanted_decision import FoundDecision
from exitbrain.application.replay.decisions import Drift
from exitbrain.domain.levels.levels import LEVELS, LevelInputs
from exitbrain.domain.plans.difference import first_difference
from exitbrain.domain.policies.formulas.tracing import Line
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.presentation.chain import DecisionChain, chain_text
from exitbrain.infrastructure.presentation.drifts import FirstDrift, first_drift_of
from exitbrain.infrastructure.presentation.levels import LevelsReport, levels_report, levels_text
from exitbrain.infrastructure.presentation.stop_sentence import stop_sentence
from exitbrain.infrastructure.presentation.table import ShownTable

NOTATION = (
    "Each line is exact; ln is the correctly rounded logarithm, max(a, b) = where(b > a, b, a), "
    "min(a, b) = where(b < a, b, a)."
)
EXPRESSION_MAX = 120
"""Characters of an expression shown in the tree; the lines show it in full."""

_NOT_AS_RECORDED = "Computed again, not as recorded: "

_INPUTS = (*LevelInputs.__struct_fields__, "direction")


class ExplainedDecision(Struct):
    """Which decision was explained, and whether the record equals the derivation bit for bit."""

    decision_id: str
    plan_id: str
    revision: int
    symbol: str
    at: datetime
    cause: str
    engine: str
    verdict: Literal["EXACT", "DRIFT"]
    first_drift: FirstDrift | None


class ExplainReport(LevelsReport, kw_only=True):
    """Levels with the lines that derive them; `recorded` is null for given inputs.

    `sentence` says why the stop is where it is. `chain` is null unless it was asked for.
    """

    lines: tuple[Line, ...]
    recorded: ExplainedDecision | None
    sentence: str
    chain: DecisionChain | None


def explained(found: FoundDecision, explanation: Explanation) -> ExplainedDecision:
    """Return a recorded decision with the first field that differs from its explanation."""
    id_, decision = str(found.decision_id), found.decision
    difference = first_difference(decision.levels, explanation.levels)
    drift = None
    if difference is not None:
        drift = Drift(id_, f"levels.{difference.field}", difference.recorded, difference.recomputed)
        drift = drift.between(decision.engine, explanation.engine)
    return ExplainedDecision(
        decision_id=id_,
        plan_id=str(found.plan_id),
        revision=decision.revision,
        symbol=decision.symbol,
        at=decision.context.occurred_at,
        cause=decision.cause.value,
        engine=decision.engine,
        verdict="EXACT" if drift is None else "DRIFT",
        first_drift=first_drift_of(drift),
    )


def explain_report(
    explanation: Explanation,
    assumptions: tuple[Assumption, ...],
    recorded: ExplainedDecision | None,
    chain: DecisionChain | None,
) -> ExplainReport:
    """Return an explanation for `--json`."""
    levels = levels_report(explanation, assumptions)
    shared = {name: getattr(levels, name) for name in levels.__struct_fields__}
    differs = recorded is not None and recorded.first_drift is not None
    return ExplainReport(
        **shared,
        lines=explanation.lines,
        recorded=recorded,
        sentence=f"{_NOT_AS_RECORDED if differs else ''}{stop_sentence(explanation)}",
        chain=chain,
    )


def explain_text(
    explanation: Explanation, assumptions: tuple[Assumption, ...], report: ExplainReport, *, full: bool
) -> Iterator[RenderableType | ShownTable]:
    """Yield an explanation for people, with the derivation if it is to be `full`."""
    yield report.sentence
    if report.recorded is not None:
        yield _verdict(report.recorded)
    yield from levels_text(explanation, assumptions)
    if report.chain is not None:
        yield from chain_text(report.chain)
    if full and explanation.lines:
        yield ""
        yield from _derivation(explanation)
        yield ""
        yield from _trees(explanation.lines)


def _derivation(explanation: Explanation) -> Iterator[str]:
    """Yield the lines of the derivation, inputs first, then parameters, then steps; each uses only lines above."""
    groups: dict[str, list[str]] = {"Inputs": [], "Parameters": [], "Steps": []}
    for line in explanation.lines:
        if line.name in _INPUTS:
            groups["Inputs"].append(f"{line.name} = {line.expression}")
        elif line.name in explanation.policy.parameters:
            groups["Parameters"].append(f"{line.name} = {line.expression}")
        else:
            groups["Steps"].append(f"{line.name} = {line.expression}  # {line.value!r}")
    yield NOTATION
    for title, lines in groups.items():
        yield title
        yield from lines


def _trees(lines: Sequence[Line]) -> Iterator[Tree]:
    by_name = {line.name: line for line in lines}
    shown: set[str] = set()
    for level in LEVELS:
        yield _tree(by_name[level], by_name, shown)


def _tree(line: Line, lines: dict[str, Line], shown: set[str]) -> Tree:
    """Return the tree of a number; a part already shown above is not expanded again."""
    tree = Tree(_label(line, again=line.name in shown))
    if line.name not in shown:
        shown.add(line.name)
        for name in line.uses:
            tree.children.append(_tree(lines[name], lines, shown))
    return tree


def _label(line: Line, *, again: bool) -> str:
    label = f"{line.name}: {line.value!r}"
    if not line.uses:
        return label
    if again:
        return f"{label} (see above)"
    whole = len(line.expression) <= EXPRESSION_MAX
    return f"{label} from {line.expression if whole else f'{line.expression[:EXPRESSION_MAX]}…'}"


def _verdict(recorded: ExplainedDecision) -> str:
    at = f"{recorded.at:%Y-%m-%d %H:%M:%S} UTC"
    what = f"Decision {recorded.decision_id} of {recorded.symbol} at {at}, computed by {recorded.engine}"
    drift = recorded.first_drift
    if drift is None:
        return f"{what}: EXACT, the record equals the derivation bit for bit."
    other = f" by {drift.recomputed_by}, which is another engine" if drift.recomputed_by else ""
    return f"{what}: DRIFT in {drift.field}, recorded {drift.recorded}, derived {drift.recomputed}{other}."
