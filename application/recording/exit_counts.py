"""How exits that ended nothing are counted: apart from other ignored messages, and repeats apart from the rest."""

from enum import StrEnum

from exitbrain.domain.messages.receipt import Disposition
from exitbrain.domain.messages.result import MessageResult


class ExitCount(StrEnum):
    """What an exit that ended nothing counts as.

    IGNORED and REFUSED: somebody should look. REPEAT: it was ignored, and that was to be expected.
    """

    IGNORED = "exits_ignored"
    REPEAT = "exit_repeats"
    REFUSED = "exits_refused"


def exit_count_of(outcome: MessageResult) -> ExitCount | None:
    """Return what a message counts as, None where it is no exit, ended something, or was received before."""
    ignored = outcome.ignored_exit
    if ignored is None or outcome.duplicate:
        return None
    if outcome.disposition is Disposition.REFUSED:
        return ExitCount.REFUSED
    return ExitCount.REPEAT if ignored.expected else ExitCount.IGNORED
