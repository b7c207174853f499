"""The command `explain`: the derivation of levels as lines that anybody can evaluate, and as a tree."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.tree import Tree

from exitbrain.application import lookup
from exitbrain.application.explain import Explanation, explain_decision
from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.domain.drift import Difference, first_difference
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.formulas.tracing import Line
from exitbrain.domain.levels import LEVELS, LevelInputs
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.cli import output, reports, tables
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.cli.given import explain_given
from exitbrain.infrastructure.cli.levels import report_of
from exitbrain.infrastructure.cli.options import InputFlags

NOTATION = (
    "Each line is exact; ln is the correctly rounded logarithm, max(a, b) = where(b > a, b, a), "
    "min(a, b) = where(b < a, b, a)."
)
EXPRESSION_MAX = 120
"""Characters of an expression in the tree; the lines have all of it."""

_INPUTS = (*LevelInputs.__struct_fields__, "direction")


def explain(given: InputFlags, decision_id: str | None, *, store: str | None, as_json: bool) -> int:
    """Explain given inputs or a recorded decision; a record that differs from its derivation is a finding."""
    if decision_id is None:
        if given.is_empty:
            raise WrongUsage("explain needs a DECISION_ID, or inputs like --leverage 20")
        found = explain_given(given)
        _report(found.explanation, found.assumptions, None, as_json=as_json)
        return FINE
    if not given.is_empty:
        raise WrongUsage("explain takes a DECISION_ID or inputs, not both")
    return _explain_recorded(decision_id, store, as_json=as_json)


def _explain_recorded(wanted: str, url: str | None, *, as_json: bool) -> int:
    from exitbrain.infrastructure.cli.store import reading  # noqa: PLC0415 - start-up

    with reading(url, "looking for the decision") as store_read:
        ledger = store_read.ledger
        found = lookup.decision(ledger, wanted, progress=store_read.work.reached)
        try:
            explanation = explain_decision(store_read.container.engine(), ledger, found.decision)
        except UnknownPolicy as unknown:
            raise StoreUnavailable(f"decision {found.decision_id} can not be derived: {unknown}") from unknown
    difference = first_difference(found.decision.levels, explanation.levels)
    recorded = _recorded(found, difference, explanation.engine)
    _report(explanation, found.decision.assumptions, recorded, as_json=as_json)
    return FINE if difference is None else FOUND


def _recorded(
    found: lookup.FoundDecision, difference: Difference | None, derived_by: str
) -> reports.RecordedDecision:
    id_, decision = str(found.decision_id), found.decision
    drift = None
    if difference is not None:
        field = f"levels.{difference.field}"
        drift = reports.FirstDrift(id_, field, difference.recorded, difference.recomputed)
        if decision.engine != derived_by:
            drift.recorded_by, drift.recomputed_by = decision.engine, derived_by
    return reports.RecordedDecision(
        decision_id=id_,
        plan_id=str(found.plan_id),
        revision=decision.revision,
        symbol=decision.symbol,
        at=decision.context.occurred_at,
        cause=decision.cause.value,
        engine=decision.engine,
        verdict="EXACT" if drift is None else "DRIFT",
        first_drift=drift,
    )


def _report(
    explanation: Explanation,
    assumptions: tuple[Assumption, ...],
    recorded: reports.RecordedDecision | None,
    *,
    as_json: bool,
) -> None:
    if not as_json:
        output.show(*_text(explanation, assumptions, recorded))
        return
    lines = [
        reports.Line(line.name, line.expression, line.value, list(line.uses)) for line in explanation.lines
    ]
    levels = report_of(explanation, assumptions)
    shared = {name: getattr(levels, name) for name in levels.__struct_fields__}
    output.emit(reports.ExplainReport(**shared, lines=lines, recorded=recorded))


def _text(
    explanation: Explanation, assumptions: tuple[Assumption, ...], recorded: reports.RecordedDecision | None
) -> Iterator[RenderableType]:
    if recorded is not None:
        yield _verdict(recorded)
    yield from tables.levels(explanation)
    yield from tables.judgement(explanation, assumptions)
    yield ""
    if not explanation.lines:
        yield f"{explanation.policy.name} is not a formula of ExitBrain: its levels have no derivation."
        return
    yield from derivation(explanation)
    yield ""
    yield from _trees(explanation.lines)


def derivation(explanation: Explanation) -> Iterator[str]:
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
    """Return what a number is made of; what has been taken apart above is not taken apart again."""
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


def _verdict(recorded: reports.RecordedDecision) -> str:
    at = f"{recorded.at:%Y-%m-%d %H:%M:%S} UTC"
    what = f"Decision {recorded.decision_id} of {recorded.symbol} at {at}, computed by {recorded.engine}"
    drift = recorded.first_drift
    if drift is None:
        return f"{what}: EXACT, the record equals the derivation bit for bit."
    other = f" by {drift.recomputed_by}, which is another engine" if drift.recomputed_by else ""
    return f"{what}: DRIFT in {drift.field}, recorded {drift.recorded}, derived {drift.recomputed}{other}."
