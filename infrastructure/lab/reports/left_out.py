"""What a report leaves out, as folded tables."""

from collections.abc import Sequence

from exitbrain.application.ports.market import Omitted
from exitbrain.application.whatif.results import OutcomeResults
from exitbrain.infrastructure.lab.reports.page import Folded, ReportTable


def left_out_tables(results: OutcomeResults) -> tuple[Folded, ...]:
    """Return the positions and the market data that were left out, and the remarks on the files."""
    positions = tuple(
        (
            one.position.symbol,
            f"{one.position.opened_at:%Y-%m-%d %H:%M}",
            one.because.replace("_", " "),
            one.detail,
        )
        for one in results.left_out
    )
    return (
        *folded("Positions left out", ("Symbol", "Opened (UTC)", "Why", "Detail"), positions),
        *omitted_tables(results.data_left_out, results.remarks),
    )


def omitted_tables(left_out: Sequence[Omitted], remarks: Sequence[str]) -> tuple[Folded, ...]:
    """Return what was left out of the files that were read, and the remarks on them."""
    return (
        *folded("Left out of the files", ("Where", "Why"), [(one.where, one.reason) for one in left_out]),
        *folded("Remarks on the files", ("Remark",), [(remark,) for remark in remarks]),
    )


def failing_table(results: OutcomeResults) -> tuple[Folded, ...]:
    """Return the positions that were simulated although a guard on their levels failed."""
    names = (results.question.baseline_name, results.question.candidates[0].name)
    rows = tuple(
        (
            outcome.position.symbol,
            f"{outcome.position.opened_at:%Y-%m-%d %H:%M}",
            name,
            ", ".join(walked.failed_guards),
        )
        for outcome in results.outcomes
        for name, walked in zip(names, (outcome.baseline, outcome.candidates[0]), strict=True)
        if walked.failed_guards
    )
    return folded(
        "Simulated although guards fail", ("Symbol", "Opened (UTC)", "Policy", "Failed guards"), rows
    )


def folded(what: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> tuple[Folded, ...]:
    """Return rows under a summary that counts them; nothing if there are none."""
    return (Folded(f"{what}: {len(rows)}", ReportTable(headings, tuple(rows))),) if rows else ()
