"""The command `levels`: compute the levels for given inputs."""

from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.given import explain_given
from exitbrain.infrastructure.cli.options import InputFlags, Json, Wide, takes_flags, verbs
from exitbrain.infrastructure.presentation.levels import levels_report, levels_text

verb = verbs()


@verb.command(epilog="Example: exitbrain levels --leverage 20 --volatility 1.5 --policy v3.6")
@takes_flags(InputFlags)
def levels(given: InputFlags, wide: Wide = False, as_json: Json = False) -> None:
    """Report the levels for given inputs."""
    found = explain_given(given)
    output.give(
        levels_report(found.explanation, found.assumptions),
        levels_text(found.explanation, found.assumptions),
        as_json=as_json,
        wide=wide,
    )
