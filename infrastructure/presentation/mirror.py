"""The columnar mirror of a store."""

from collections.abc import Iterator

from msgspec import Struct


class ExportReport(Struct):
    """The columnar mirror after an export or a `--verify`; `covers` is a log position.

    `damaged` and `different` name segments; an export has already rebuilt them.
    """

    folder: str
    verified: bool
    covers: int
    segments: int
    written: int
    decisions: int
    damaged: list[str]
    different: list[str]
    seconds: float


def export_text(report: ExportReport, head: int) -> Iterator[str]:
    """Yield the contents of the mirror and, after a comparison, where it differs from the store."""
    held = f"{report.decisions} decisions in {report.segments} segments, log positions 1 to {report.covers} of {head}"
    if not report.verified:
        yield f"Mirror {report.folder}: {held}, {report.written} segments written."
        yield from (f"  {sentence}; rebuilt from the store" for sentence in report.damaged)
        return
    wrong = report.damaged + report.different
    verdict = "NOT AS THE STORE" if wrong else "AS THE STORE, bit for bit"
    yield f"Mirror {report.folder}: {verdict}, {held}."
    yield from (f"  {sentence}" for sentence in wrong)
