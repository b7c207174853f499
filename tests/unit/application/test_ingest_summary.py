"""What ingesting came to: every message counted once, exits that ended nothing apart from HOLD and the like."""

from exitbrain.application.recording.ingest_summary import IngestSummary
from exitbrain.domain.messages.receipt import Reason
from tests.ignored_exits import REFUSAL, ignored_exit, ignored_outcome
from tests.world import World


def counted() -> IngestSummary:
    """Return the summary of a HOLD, of exits that ended nothing in each way, and of a redelivery."""
    summary = IngestSummary()
    repeat = ignored_outcome(ignored_exit(expected=True), Reason.DUPLICATE_CLOSE)
    summary.count(
        [World().intent(symbol="BTCUSDT", side="HOLD"), ignored_outcome(), ignored_outcome(), repeat]
    )
    summary.count([ignored_outcome(reason=REFUSAL.reason, refusal=REFUSAL), ignored_outcome(duplicate=True)])
    return summary


def test_exits_that_ended_nothing_are_counted_apart_and_expected_repeats_apart_from_those() -> None:
    summary = counted()

    assert (summary.exits_ignored, summary.exit_repeats, summary.exits_refused) == (2, 1, 1)


def test_what_was_read_is_still_the_sum_of_the_outcomes() -> None:
    summary = counted()

    assert (summary.accepted, summary.ignored, summary.refused, summary.duplicate) == (0, 4, 1, 1)
    assert summary.read == summary.accepted + summary.ignored + summary.refused + summary.duplicate == 6
