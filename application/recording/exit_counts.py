"""Separate counts for exits that ended nothing, with repeats counted on their own."""

from enum import StrEnum

from exitbrain.domain.messages.receipt import Disposition
from exitbrain.domain.messages.result import MessageResult


class ExitCount(StrEnum):
    """The count for an exit that ended nothing.

    IGNORED and REFUSED need attention. REPEAT was ignored as expected.
    """

    IGNORED = "exits_ignored"
    REPEAT = "exit_repeats"
    REFUSED = "exits_refused"


def exit_count_of(outcome: MessageResult) -> ExitCount | None:
    """Return the count for a message; None if it is not an exit, ended something, or is a duplicate."""
    ignored = outcome.ignored_exit
    if ignored is None or outcome.duplicate:
        return None
    if outcome.disposition is Disposition.REFUSED:
        return ExitCount.REFUSED
    return ExitCount.REPEAT if ignored.expected else ExitCount.IGNORED
