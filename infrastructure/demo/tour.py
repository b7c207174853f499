"""The parts of the tour: steps with a command line, what is shown of its JSON, and the checks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Found = dict[str, Any]
"""What a command prints with `--json`."""

Done = tuple[list[str], dict[str, bool]]
"""What to say about something that was done, and what was checked."""


@dataclass(frozen=True, slots=True)
class TourStep:
    """A command line of `exitbrain`.

    A `title` begins a chapter, `about` introduces the command, `before` is done ahead of it. `shown` are lines for people:
    a template over the JSON, or a function of it. `expects` holds values that the JSON must have, by their place in it.
    """

    command: str
    shown: str | Callable[[Found], Iterable[str]] = ""
    expects: Mapping[str, object] = field(default_factory=dict)
    claims: Mapping[str, Callable[[Found], bool]] = field(default_factory=dict)
    title: str = ""
    about: str = ""
    before: Callable[[], Done] | None = None
    exit_code: int = 0

    def lines(self, found: Found) -> list[str]:
        """Return what is shown of what the command found."""
        return (
            self.shown.format_map(found).splitlines() if isinstance(self.shown, str) else [*self.shown(found)]
        )

    def checks(self, found: Found) -> Iterator[tuple[str, bool]]:
        """Yield each check of what the command found, and whether it holds."""
        for place, value in self.expects.items():
            yield f"{place} is {value}", f"{{{place}}}".format_map(found) == str(value)
        yield from ((text, claim(found)) for text, claim in self.claims.items())
