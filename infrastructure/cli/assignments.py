"""Parse the NAME=VALUE arguments of `--set` and `--sweep`; each name may appear once."""

from collections.abc import Sequence

from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.wire.scalars import shown


def assignment(text: str, otherwise: str) -> tuple[str, str]:
    """Return name and value as typed; raises WrongUsage with the sentence `otherwise` if there is no name."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise WrongUsage(otherwise)
    return name, value


def check_once(names: Sequence[str], what: str) -> None:
    """Raise WrongUsage for a name given more than once; `what` is the kind of name."""
    for name in names:
        if names.count(name) > 1:
            raise WrongUsage(f"{what} {shown(name)} is given more than once")
