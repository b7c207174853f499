"""What a run went on without: how it is said, what exit code it means, and when nothing is left."""

from collections.abc import Sequence

from exitbrain.application.simulation import Unwalked
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import FINE, FOUND
from exitbrain.infrastructure.wording import left_out_lines

_LISTED = 100
"""How many of them stderr lists where nothing is left."""


def check_any_walked(walked: int, unwalked: Sequence[Unwalked]) -> None:
    """Raise what is wrong with the first position where none could be walked; several reasons are listed on stderr."""
    if walked or not unwalked:
        return
    left_out = [one.left_out for one in unwalked]
    if len({one.reason for one in left_out}) > 1:
        for line in left_out_lines(left_out[:_LISTED], ()):
            output.say(output.printable(line))
    raise unwalked[0].error


def code_of(strict: bool, left_out: Sequence[object]) -> int:
    """Return the exit code of a run that left something out."""
    return FOUND if strict and left_out else FINE
