"""What other policies would have changed on the recorded decisions."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from exitbrain.application.whatif.decisions import (
    Change,
    Counterfactual,
    GuardCounts,
    LeftOut,
    WhatIf,
)
from exitbrain.application.whatif.results import OutcomeResults
from exitbrain.domain.levels.levels import LEVELS_AND_LSF
from exitbrain.infrastructure.presentation.outcome_text import family_text, outcome_text
from exitbrain.infrastructure.presentation.outcomes import (
    FamilyOutcome,
    PolicyOutcome,
    family_of,
    outcome_of,
)
from exitbrain.infrastructure.presentation.table import ShownTable
from exitbrain.infrastructure.presentation.wording import number, percent

MIRROR_TRUSTED = (
    "The mirror was trusted: its columns were not compared with the store; --lane row reads the store alone."
)

LINES_MAX = 60
"""The most policies of a sweep to list in a terminal."""

Lane = Literal["row", "columnar"]


class BeforeAndAfter(Struct):
    """A count of decisions as recorded, and under the other policy."""

    before: int
    after: int


class GuardsBeforeAndAfter(Struct):
    """The findings of every guard, by name."""

    before: dict[str, GuardCounts]
    after: dict[str, GuardCounts]


class WhatIfAnswer(Struct):
    """What a policy would have changed; `parameters` are those that differ from the policy of that name.

    A plan is safe if every guard on its levels passed: `became_unsafe` plans were safe and would not be,
    `became_safe` the reverse.
    """

    policy: str
    parameters: dict[str, float]
    decisions: int
    changed: int
    compared: int
    refused: BeforeAndAfter
    fields: dict[str, Change]
    guards: GuardsBeforeAndAfter
    safe: BeforeAndAfter
    became_unsafe: int
    became_safe: int


class WhatIfReport(Struct, omit_defaults=True, kw_only=True):
    """What one policy would have changed, or of a family (`--sweep`, several `--policy`) each of the `policies`, and then nothing else of these.

    `mirror_trusted` is present if columns of a mirror were used, which were not compared with the store. With `--candles`
    there is also the `outcome` of one policy, or of the `family`, and with `--table` the file of the table.
    """

    policy: str | None = None
    parameters: dict[str, float] | None = None
    decisions: int | None = None
    changed: int | None = None
    compared: int | None = None
    refused: BeforeAndAfter | None = None
    fields: dict[str, Change] | None = None
    guards: GuardsBeforeAndAfter | None = None
    safe: BeforeAndAfter | None = None
    became_unsafe: int | None = None
    became_safe: int | None = None
    policies: list[WhatIfAnswer] | None = None
    left_out: LeftOut
    lane: Lane
    mirror_trusted: bool = False
    seconds: float
    outcome: PolicyOutcome | None = None
    family: FamilyOutcome | None = None
    table: str | None = None


def answer_of(base: str, changes: dict[str, float], answer: WhatIf) -> WhatIfAnswer:
    """Return what a policy would have changed, in its printed form."""
    return WhatIfAnswer(
        policy=base,
        parameters=changes,
        decisions=answer.decisions,
        changed=answer.changed,
        compared=answer.compared,
        refused=BeforeAndAfter(answer.refused_before, answer.refused_after),
        fields=answer.fields,
        guards=GuardsBeforeAndAfter(answer.guards_before, answer.guards_after),
        safe=BeforeAndAfter(answer.safe_before, answer.safe_after),
        became_unsafe=answer.became_unsafe,
        became_safe=answer.became_safe,
    )


def whatif_report(
    answers: Sequence[WhatIfAnswer],
    asked: Counterfactual,
    results: OutcomeResults | None,
    lane: Lane,
    seconds: float,
    *,
    family: bool,
) -> WhatIfReport:
    """Return what one policy, or each of a family, would have changed and earned, for `--json`."""
    printed = WhatIfReport(
        left_out=asked.left_out,
        lane=lane,
        mirror_trusted=asked.mirror_trusted,
        seconds=round(seconds, 6),
    )
    if results is not None and results.family_evidence is not None:
        printed.family = family_of(results, results.family_evidence)
    elif results is not None and results.evidence is not None:
        printed.outcome = outcome_of(results, results.evidence)
    if family:
        printed.policies = list(answers)
        return printed
    for name in WhatIfAnswer.__struct_fields__:
        setattr(printed, name, getattr(answers[0], name))
    return printed


def whatif_text(
    answers: Sequence[WhatIfAnswer], asked: Counterfactual, results: OutcomeResults | None, *, family: bool
) -> Iterator[ShownTable | str]:
    """Yield what one policy, or each of a family, would have changed and earned."""
    yield from _family(answers) if family else _single(answers[0])
    yield from _left_out(asked.left_out)
    if results is not None and results.family_evidence is not None:
        yield from family_text(results, results.family_evidence)
    elif results is not None and results.evidence is not None:
        yield from outcome_text(results, results.evidence)
    if asked.mirror_trusted:
        yield MIRROR_TRUSTED


def _single(answer: WhatIfAnswer) -> Iterator[ShownTable | str]:
    """Yield what one policy would have changed."""
    yield (
        f"{_name(answer)} on {_count(answer.decisions, 'recorded decision')}: "
        f"{answer.changed} would change; {answer.refused.after} would be refused ({answer.refused.before} were)."
    )
    yield _fields(answer)
    yield _guards(answer)
    yield (
        f"Plans whose levels pass every guard: {answer.safe.before} did, {answer.safe.after} would; "
        f"{answer.became_unsafe} would become unsafe, {answer.became_safe} safe."
    )


def _family(answers: Sequence[WhatIfAnswer]) -> Iterator[ShownTable | str]:
    """Yield a line for each policy of a family."""
    first, bases = answers[0], list(dict.fromkeys(answer.policy for answer in answers))
    table = ShownTable(
        f"{_count(len(answers), 'variant')} of {', '.join(bases)} on {_count(first.decisions, 'recorded decision')}"
    )
    if len(bases) > 1:
        table.prose("Policy")
    table.number(*first.parameters, "Changed")
    table.number("Refused", drop=4)
    table.number("TP1 mean", drop=2)
    table.number("SL mean")
    table.number("SL least", "SL most", drop=1)
    table.number("Safe after")
    table.number("To unsafe", "To safe", drop=3)
    for answer in answers[:LINES_MAX]:
        tp1, sl = answer.fields["tp1"], answer.fields["sl"]
        table.row(
            *([answer.policy] if len(bases) > 1 else []),
            *map(number, answer.parameters.values()),
            str(answer.changed),
            str(answer.refused.after),
            *(_signed(value) for value in (tp1.mean, sl.mean, sl.min, sl.max)),
            str(answer.safe.after),
            str(answer.became_unsafe),
            str(answer.became_safe),
        )
    yield table
    if len(answers) > LINES_MAX:
        yield f"... and {len(answers) - LINES_MAX} more; --json has all of them."
    yield (
        f"As recorded, {first.safe.before} plans are safe, their levels pass every guard; {first.refused.before} were refused. "
        "Changes are of the distance from the entry, as a share of its price."
    )


def _left_out(count: LeftOut) -> Iterator[str]:
    """Yield a line for the decisions left out, if any."""
    parts = [
        f"{number_of} {what}"
        for number_of, what in (
            (count.unreadable, "unreadable"),
            (count.unknown_policy, "of a policy that the store does not know"),
            (count.missing_snapshot, "whose instrument snapshot is missing"),
        )
        if number_of
    ]
    if parts:
        yield f"Left out: {', '.join(parts)}."


def _name(answer: WhatIfAnswer) -> str:
    changes = ", ".join(f"{name} {number(value)}" for name, value in answer.parameters.items())
    return f"{answer.policy} with {changes}" if changes else answer.policy


def _fields(answer: WhatIfAnswer) -> ShownTable:
    table = ShownTable(
        f"Change of what both give ({_count(answer.compared, 'decision')} with levels on both sides)"
    )
    table.text("Of")
    table.number("Changed", "Least", "Mean", "Most")
    for field in LEVELS_AND_LSF:
        change = answer.fields[field]
        shown = _plain if field == "lsf" else _signed
        name = "LSF adjusted" if field == "lsf" else field.upper()
        cells = (shown(value) for value in (change.min, change.mean, change.max))
        table.row(name, str(change.changed), *cells)
    return table


def _guards(answer: WhatIfAnswer) -> ShownTable:
    table = ShownTable("Guards, before and after")
    table.text("Guard")
    table.number("Passed", "Failed", "Not checkable")
    for name, before in answer.guards.before.items():
        after = answer.guards.after[name]
        pairs = (
            (before.passed, after.passed),
            (before.failed, after.failed),
            (before.unknown, after.unknown),
        )
        table.row(name, *(str(a) if a == b else f"{a} → {b}" for a, b in pairs))
    return table


def _signed(fraction: float | None) -> str:
    if fraction is None:
        return ""
    return f"+{percent(fraction)}" if fraction > 0 else percent(fraction)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:+.6f}"


def _count(number_of: int, what: str) -> str:
    return f"{number_of:,} {what}{'' if number_of == 1 else 's'}"
