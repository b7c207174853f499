"""The counts of `ingest` as people read them."""

import pytest

from exitbrain.application.recording.ingest_summary import IngestSummary
from exitbrain.infrastructure.presentation.ingest import counts_of


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (IngestSummary(9, 9), "9 read: 9 accepted, 0 ignored, 0 refused, 0 duplicate; 0 decisions."),
        (
            IngestSummary(12, 0, 12, exits_ignored=3, exit_repeats=2),
            (
                "12 read: 0 accepted, 12 ignored (3 exits that ended nothing, 2 expected repeats), 0 refused, "
                "0 duplicate; 0 decisions."
            ),
        ),
        (
            IngestSummary(3, 0, 1, 2, exit_repeats=1, exits_refused=2),
            "3 read: 0 accepted, 1 ignored (1 expected repeat), 2 refused (2 exits), 0 duplicate; 0 decisions.",
        ),
        (
            IngestSummary(2, 0, 1, 1, exits_ignored=1, exits_refused=1),
            (
                "2 read: 0 accepted, 1 ignored (1 exit that ended nothing), 1 refused (1 exit), 0 duplicate; "
                "0 decisions."
            ),
        ),
    ],
)
def test_exits_that_ended_nothing_stand_in_brackets(summary: IngestSummary, text: str) -> None:
    assert counts_of(summary) == text
