"""The summary of an ingest."""

from msgspec import Struct

from exitbrain.application.recording.ingest_summary import IngestSummary


class RefusedEntry(Struct):
    """An entry that cannot be used, and why."""

    entry: str
    reason: str


class IngestReport(Struct):
    """The result of an ingest; read = accepted + ignored + refused + duplicate.

    Among the ignored, `exits_ignored` are exits that ended nothing and should be looked at, and `exit_repeats` those that
    were expected; among the refused, `exits_refused` are exits. `refusals` lists every refused message, including those
    ingested and refused before.
    """

    read: int
    accepted: int
    ignored: int
    refused: int
    duplicate: int
    decisions: int
    exits_ignored: int
    exit_repeats: int
    exits_refused: int
    refusals: list[RefusedEntry]


def ingest_report(summary: IngestSummary) -> IngestReport:
    """Return the result of an ingest for `--json`."""
    counts = {name: getattr(summary, name) for name in IngestReport.__struct_fields__ if name != "refusals"}
    return IngestReport(**counts, refusals=[RefusedEntry(*each) for each in summary.refusals])


def counts_of(summary: IngestSummary) -> str:
    """Return the counts in a sentence, with exits that ended nothing counted separately."""
    ignored = (
        (summary.exits_ignored, "exit that ended nothing", "exits that ended nothing"),
        (summary.exit_repeats, "expected repeat", "expected repeats"),
    )
    refused = ((summary.exits_refused, "exit", "exits"),)
    return (
        f"{summary.read} read: {summary.accepted} accepted, {summary.ignored} ignored{_of_these(*ignored)}, "
        f"{summary.refused} refused{_of_these(*refused)}, {summary.duplicate} duplicate; "
        f"{summary.decisions} decisions."
    )


def _of_these(*counts: tuple[int, str, str]) -> str:
    parts = [f"{number} {one if number == 1 else many}" for number, one, many in counts if number]
    return f" ({', '.join(parts)})" if parts else ""
