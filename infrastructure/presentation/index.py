"""The index for look-ups."""

from collections.abc import Iterator

from msgspec import Struct


class IndexReport(Struct):
    """The index after a catch-up; `events` were read of the log now, and `covers` is a log position.

    `file` is null if the index was made in memory; `note` then says why, if a file was wanted. `different` names the
    tables that are not what the log says; it is empty unless `verified`.
    """

    file: str | None
    note: str | None
    events: int
    covers: int
    decisions: int
    receipts: int
    verified: bool
    different: list[str]
    seconds: float


def index_text(report: IndexReport) -> Iterator[str]:
    """Yield what the index holds and, after a comparison, where it differs from the log."""
    where = report.file or "in memory"
    held = f"{report.decisions} decisions and {report.receipts} receipts, log positions 1 to {report.covers}"
    verdict = (
        "" if not report.verified else "NOT AS THE LOG, " if report.different else "AS THE LOG, every row, "
    )
    yield f"Index {where}: {verdict}{held}."
    yield from (f"  {sentence}" for sentence in report.different)
    if report.different:
        yield "  Delete the file: the next look-up makes it again."
    if report.note is not None:
        yield f"  {report.note}"
    yield f"{report.events} events read now, {report.seconds:.2f} s"
