"""What every command with tables prints for people on the example stores, at the widths that terminals have."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import environ

from tests.equality.commands import (
    CANDLES,
    CURED,
    ENGINE,
    GIVEN,
    INSTRUMENTS,
    LONG,
    PRICED,
    SIMULATED,
    TOUR,
    ended,
    on,
)
from tests.equality.pins import Groups

WIDTHS = (80, 100)

LINES: dict[str, tuple[str, ...]] = {
    "levels": ("levels", *GIVEN, "--policy", "v3.6", *PRICED),
    "explain": ("explain", *GIVEN, "--policy", "v3.6", *PRICED),
    "simulate": ("simulate", *SIMULATED, "--policy", "v3.6", "--break-even", "--instruments", INSTRUMENTS),
    "replay": on(TOUR, "replay", "--engine", ENGINE, "--unit", "fraction"),
    "whatif": on(CURED, "whatif", "--policy", "v3.6", "--set", "base_sl=0.02"),
    "whatif, a family": on(TOUR, "whatif", "--policy", "v3.6", "--sweep", "base_sl=0.2%:1%:0.4%"),
    "whatif on candles": on(TOUR, "whatif", "--policy", "v3.6", "--candles", CANDLES),
    "whatif on candles, a family": on(
        TOUR, "whatif", "--policy", "v3.6", "--candles", CANDLES, "--sweep", "base_sl=0.004:0.006:0.001"
    ),
    "audit lsf": on(CURED, "audit", "lsf"),
    "policy list": on(CURED, "policy", "list"),
    "policy diff": ("policy", "diff", "v3.5-fraction", "v3.6"),
    "positions": on(CURED, "positions"),
    "positions, all": on(LONG, "positions", "--all", "--symbol", "DOGEUSDT"),
    "lab lookahead": on(TOUR, "lab", "lookahead", "--policy", "v3.6", "--policy", ENGINE),
}
"""A command line for each kind of table; `dlq list` needs a Redis and is added by `shown_at`."""

_LEFT, _RIGHT = tuple("┏┃┡│└"), tuple("┓┃┩│┘")

_DROPPED = "Columns left out"


def shown() -> Groups:
    """Return the lines of each command line at each width; the working folder holds the example stores."""
    return {
        name: lines for command, words in LINES.items() for name, lines in _at_every_width(command, words)
    }


def shown_at(url: str) -> Groups:
    """Return the lines of what asks a Redis with refused messages."""
    return dict(_at_every_width("dlq list", ("dlq", "list", "--redis", url)))


def rows_of(lines: list[str]) -> list[str]:
    """Return the lines of the tables, and what was left out of them."""
    return [
        line for line in lines if (line[:1] in _LEFT and line[-1:] in _RIGHT) or line.startswith(_DROPPED)
    ]


def _at_every_width(command: str, words: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    for width in WIDTHS:
        yield f"{command} at {width}", _printed(command, words, width)
    yield f"{command}, wide", _printed(command, (*words, "--wide"), WIDTHS[0])


def _printed(name: str, words: tuple[str, ...], width: int) -> list[str]:
    with _columns(width):
        code, text = ended(*words)
    assert code in (0, 1), (name, code)
    return rows_of(text.splitlines())


@contextmanager
def _columns(width: int) -> Iterator[None]:
    before = environ.get("COLUMNS")
    environ["COLUMNS"] = str(width)
    try:
        yield
    finally:
        del environ["COLUMNS"]
        if before is not None:
            environ["COLUMNS"] = before
