"""The result of a look-ahead test, as text and as JSON."""

from collections.abc import Iterator

from msgspec import Struct

from exitbrain.application.lookahead.findings import Finding, Moved, PolicyVerdict
from exitbrain.infrastructure.presentation.table import ShownTable

CLEAN, UNTESTED = "CLEAN", "UNTESTED"


class LookaheadVerdict(Struct):
    """The findings on one policy; `verdict` is CLEAN, UNTESTED, or the most serious finding.

    `compared` and `left_out` count comparisons by part and moments by reason; `when_loaded` is not judged.
    """

    policy: str
    verdict: str
    compared: dict[str, int]
    left_out: dict[str, int]
    moved: list[Moved]
    when_loaded: list[str]


class LookaheadReport(Struct):
    """The look-ahead test of policies on a record (`messages`) or on positions and candles (`positions`)."""

    source: str
    messages: int | None
    positions: int | None
    decisions: int
    cuts: int
    policies: list[LookaheadVerdict]


def verdict_of(found: PolicyVerdict) -> LookaheadVerdict:
    """Return the findings on one policy; the verdict is the most serious, or UNTESTED if nothing was compared."""
    kinds = {moved.finding for moved in found.moved}
    otherwise = CLEAN if found.compared else UNTESTED
    return LookaheadVerdict(
        policy=found.policy,
        verdict=next((finding.value for finding in Finding if finding in kinds), otherwise),
        compared=found.compared,
        left_out=found.left_out,
        moved=found.moved,
        when_loaded=found.when_loaded,
    )


def lookahead_text(tested: LookaheadReport) -> Iterator[ShownTable | str]:
    """Yield the result as text."""
    counted = (
        (tested.messages, "messages"),
        (tested.positions, "positions"),
        (tested.decisions, "decisions"),
    )
    what = ", ".join(f"{count} {of}" for count, of in counted if count is not None)
    yield f"Look-ahead test on {tested.source}: {what}, up to {tested.cuts} moments"
    table = ShownTable()
    table.prose("Policy")
    table.text("Verdict")
    table.number("Comparisons")
    for verdict in tested.policies:
        compared = sum(verdict.compared.values())
        table.row(verdict.policy, verdict.verdict, f"{compared:,}")
    yield table
    for verdict in tested.policies:
        for one in verdict.moved:
            yield f"{verdict.policy}: {one.finding.value}, {one.subject}, {one.how}"
            yield f"  {one.field}: {one.before} → {one.after}"
        for why, count in verdict.left_out.items():
            yield f"{verdict.policy}: {count} moments left out, {why}"
        for opened in verdict.when_loaded:
            yield f"{verdict.policy}: {opened} when it is imported, which is not judged"
