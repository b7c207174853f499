"""The counts of an ingest run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from exitbrain.application.recording.exit_counts import ExitCount, exit_count_of
from exitbrain.domain.messages.receipt import Disposition
from exitbrain.domain.messages.result import MessageResult


@dataclass(slots=True)
class IngestSummary:
    """The counts of an ingest run; read = accepted + ignored + refused + duplicate.

    Among the ignored, `exits_ignored` counts exits that ended nothing and need attention, `exit_repeats`
    expected ones; among the refused, `exits_refused` counts exits. `refusals` lists every refused message,
    including duplicates of one refused earlier.
    """

    read: int = 0
    accepted: int = 0
    ignored: int = 0
    refused: int = 0
    duplicate: int = 0
    decisions: int = 0
    exits_ignored: int = 0
    exit_repeats: int = 0
    exits_refused: int = 0
    refusals: list[tuple[str, str]] = field(default_factory=list)

    def count(self, outcomes: Sequence[MessageResult]) -> None:
        """Count the outcomes of one batch."""
        self.read += len(outcomes)
        for outcome in outcomes:
            if outcome.refusal is not None:
                self.refusals.append((outcome.entry_id, f"{outcome.refusal.reason}: {outcome.refusal}"))
            if outcome.duplicate:
                self.duplicate += 1
                continue
            self.decisions += outcome.decision is not None
            match outcome.disposition:
                case Disposition.ACCEPTED:
                    self.accepted += 1
                case Disposition.IGNORED:
                    self.ignored += 1
                case Disposition.REFUSED:
                    self.refused += 1
                case _:
                    assert_never(outcome.disposition)
            if outcome.ignored_exit is not None:
                self._count_exit(outcome)

    def _count_exit(self, outcome: MessageResult) -> None:
        match count := exit_count_of(outcome):
            case None:
                pass
            case ExitCount.IGNORED:
                self.exits_ignored += 1
            case ExitCount.REPEAT:
                self.exit_repeats += 1
            case ExitCount.REFUSED:
                self.exits_refused += 1
            case _:
                assert_never(count)
