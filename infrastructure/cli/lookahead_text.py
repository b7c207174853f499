"""What a look-ahead test found, for people and for scripts."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table

from exitbrain.application.lookahead.findings import Finding, PolicyVerdict
from exitbrain.infrastructure.cli import reports

CLEAN, UNTESTED = "CLEAN", "UNTESTED"


@dataclass(frozen=True, slots=True)
class Tested:
    """What was tested on, in words, and what was found."""

    source: str
    decisions: int
    cuts: int
    verdicts: list[PolicyVerdict]
    messages: int | None = None
    positions: int | None = None


def report_of(tested: Tested) -> reports.LookaheadReport:
    """Return what is printed with `--json`."""
    return reports.LookaheadReport(
        source=tested.source,
        messages=tested.messages,
        positions=tested.positions,
        decisions=tested.decisions,
        cuts=tested.cuts,
        policies=[
            reports.LookaheadVerdict(
                policy=verdict.policy,
                verdict=_name_of(verdict),
                compared=verdict.compared,
                left_out=verdict.left_out,
                moved=[
                    reports.Moved(one.finding.value, one.subject, one.how, one.field, one.before, one.after)
                    for one in verdict.moved
                ],
                when_loaded=verdict.when_loaded,
            )
            for verdict in tested.verdicts
        ],
    )


def text_of(tested: Tested) -> Iterator[RenderableType]:
    """Yield what is printed for people."""
    counted = (
        (tested.messages, "messages"),
        (tested.positions, "positions"),
        (tested.decisions, "decisions"),
    )
    what = ", ".join(f"{count} {of}" for count, of in counted if count is not None)
    yield f"Look-ahead test on {tested.source}: {what}, up to {tested.cuts} moments"
    table = Table()
    table.add_column("Policy")
    table.add_column("Verdict")
    table.add_column("Comparisons", justify="right")
    for verdict in tested.verdicts:
        compared = sum(verdict.compared.values())
        table.add_row(verdict.policy, _name_of(verdict), f"{compared:,}")
    yield table
    for verdict in tested.verdicts:
        for one in verdict.moved:
            yield f"{verdict.policy}: {one.finding.value}, {one.subject}, {one.how}"
            yield f"  {one.field}: {one.before} → {one.after}"
        for why, count in verdict.left_out.items():
            yield f"{verdict.policy}: {count} moments left out, {why}"
        for opened in verdict.when_loaded:
            yield f"{verdict.policy}: {opened} when it is imported, which is not judged"


def _name_of(verdict: PolicyVerdict) -> str:
    """Return the gravest of what was found; where nothing could be compared, that."""
    found = {moved.finding for moved in verdict.moved}
    otherwise = CLEAN if verdict.compared else UNTESTED
    return next((finding.value for finding in Finding if finding in found), otherwise)
