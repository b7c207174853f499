"""Exit codes: those that docs/cli.md promises, and those of a command for each kind of failure."""

import re
from collections.abc import Iterator

from tests.equality import subject
from tests.equality.commands import (
    ALTERED,
    CANDLES,
    COPY,
    CURED,
    ENGINE,
    FORGED,
    INSTRUMENTS,
    MESSAGES,
    POSITIONS,
    TOUR,
    ended,
    on,
)
from tests.equality.pins import Findings
from tests.equality.stores import ROOT

ROWS_RUN = (
    "a malformed URL",
    "something that is no Redis",
    "refused connections",
    "no socket",
    "a name that is not found",
)
"""Rows of the table that a command is run for here. The others need a server each: tests/integration/test_redis_errors.py
runs every row and compares it with the table, which is pinned whole."""

NOT_RUN = {"130": "it takes a signal from the keyboard"}
"""Codes of the first table that no command is run for here."""

SIMULATED = ("simulate", "--positions", POSITIONS, "--candles")

LINES: dict[str, tuple[str, ...]] = {
    "fine": ("version",),
    "help": ("--help",),
    "a replay that differs": on(ALTERED, "replay"),
    "an engine that differs": on(TOUR, "replay", "--engine", ENGINE, "--unit", "fraction"),
    "nothing to close": on(COPY, "book", "close", "DOGEUSDT", "--why", "x", "--by", "y"),
    "left out, strict": on(TOUR, "whatif", "--policy", "v3.6", "--candles", CANDLES, "--strict"),
    "an unknown command": ("seal",),
    "an unknown option": ("version", "--fast"),
    "an option given twice": on(TOUR, "replay", "--store", "sqlite:///x.db"),
    "an option without its value": ("levels", "--leverage"),
    "no number": ("levels", "--leverage", "high"),
    "a number out of range": ("levels", "--leverage", "500"),
    "an unknown policy": ("levels", "--policy", "v9"),
    "an unknown parameter": on(TOUR, "whatif", "--policy", "v3.6", "--set", "speed=1"),
    "a sweep that goes down": on(TOUR, "whatif", "--policy", "v3.6", "--sweep", "base_sl=0.01:0.002:0.002"),
    "another policy in force": on(CURED, "ingest", MESSAGES, "--policy", "v3.5"),
    "a file of something else": on("other.db", "ingest", INSTRUMENTS),
    "no URL of a store": ("replay", "--store", "tour.db"),
    "an id of many": on(CURED, "plan", ""),
    "a rule finer than the candles": (*SIMULATED, CANDLES, "--time-stop", "15m"),
    "no time": on(TOUR, "replay", "--since", "yesterday"),
    "a wrong mode": on(TOUR, "serve", "--mode", "fast"),
    "a wrong stream": ("dlq", "list", "--stream", "trade.opened"),
    "no store": on("missing.db", "replay"),
    "a store that is none": ("replay", "--store", f"sqlite:///{MESSAGES}"),
    "an altered policy": on(FORGED, "positions"),
    "an unknown id": on(CURED, "plan", "ffffffff"),
    "an unknown receipt": on(CURED, "receipt", "1-1"),
    "no messages": on(TOUR, "ingest", "missing.jsonl"),
    "no positions": ("simulate", "--positions", "missing.jsonl", "--candles", CANDLES),
    "no candles": (*SIMULATED, "missing"),
    "no instruments": on(TOUR, "ingest", MESSAGES, "--instruments", "missing.json"),
    "no engine": ("levels", "--leverage", "20", "--policy", "foreign:nowhere:Engine"),
    "an engine that fails": (
        "levels",
        "--leverage",
        "20",
        "--policy",
        "foreign:tests.foreign_engines:Failing",
    ),
    "no room for a report": (*SIMULATED, CANDLES, "--report", "missing/report.html"),
    "no mirror to verify": on(CURED, "export", "parquet", "--verify"),
}
"""A command line for each kind of failure, by what is wrong."""


def documented() -> Findings:
    """Return the codes of both tables of the page, by their row."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    meanings = re.findall(r"^\| (\d+) \| ([^|]+?) \|$", page, re.MULTILINE)
    table = page.partition("<!-- tested: redis -->")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([^|]+?) \| (\d) \|", table, re.MULTILINE)
    return {"codes": dict(meanings), "Redis": {row: int(code) for row, code in rows}}


def of_failures() -> Findings:
    """Return the code of each command line; the working folder holds the example stores."""
    return {wrong: ended(*words)[0] for wrong, words in LINES.items()}


def of_unusable_redis() -> Iterator[tuple[str, int]]:
    """Yield each row of the table that needs no server of its own, with what `doctor` ends with."""
    for row, place, _ in subject.UNUSABLE_REDIS:
        if row in ROWS_RUN:
            with place() as url:
                yield row, ended("doctor", "--redis", url)[0]
