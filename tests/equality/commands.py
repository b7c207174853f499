"""What each command prints with `--json` on the example stores."""

import io
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import chdir, closing, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from tests.equality import subject
from tests.equality.pins import Groups
from tests.equality.stores import IMPORTED, IMPORTED_SEED, ROOT, STORIES, Run, run_story

TOUR, CURED, COPY, NEW, ODD, LONG = "tour.db", "cured.db", "copy.db", "new.db", "odd.db", "long.db"
ALTERED, FORGED = "altered.db", "forged.db"
ENGINE = "foreign:exitbrain:AdaptiveLeverageEngine"
POSITIONS, CANDLES = "docs/examples/positions.jsonl", "docs/examples/candles"
INSTRUMENTS, MESSAGES = "docs/examples/instruments.json", "docs/examples/messages.jsonl"
REFUSED = "1767261960000-0"

NOT_PINNED = {
    "demo": "it takes seconds; tests/integration/test_demo.py holds its figures and checks, its schema is pinned",
    "lab example": "it says what it wrote; tests/unit/demo/test_lab_example.py pins that, its schema is pinned",
}
"""The commands whose JSON is not pinned, each with the reason."""


def on(store: str, *words: str) -> tuple[str, ...]:
    """Return the words of a command line with a store of the working folder."""
    return (*words, "--store", f"sqlite:///{store}")


GIVEN = ("--leverage", "20", "--volatility", "1.5", "--divergence", "0.2", "--funding", "0.0003")
PRICED = ("--entry", "90000", "--quantity", "0.05", "--instruments", INSTRUMENTS, "--symbol", "BTCUSDT")
SIMULATED = ("--positions", POSITIONS, "--candles", CANDLES)

RULED = ("--break-even", "--trailing", "0.004:0.002", "--time-stop", "30m")

LINES: dict[str, list[tuple[str, ...]]] = {
    "levels": [
        ("levels", *GIVEN),
        ("levels", *GIVEN, "--policy", "v3.6", *PRICED),
        (
            "levels",
            "--leverage",
            "125",
            "--policy",
            "v3.6",
            "--instruments",
            INSTRUMENTS,
            "--symbol",
            "SOLUSDT",
        ),
        ("levels", *GIVEN, "--policy", ENGINE),
    ],
    "explain": [
        ("explain", *GIVEN, "--policy", "v3.6", *PRICED),
        ("explain", *GIVEN),
        on(CURED, "explain", "5dfd53e2"),
    ],
    "simulate": [
        ("simulate", *SIMULATED, "--policy", "v3.6", "--break-even"),
        ("simulate", *SIMULATED, "--time-stop", "15m", "--rule-interval", "5m", "--trailing", "0.004:0.002"),
        ("simulate", *SIMULATED, "--policy", "v3.6", "--tp-execution", "limit", "--maker-fee-bps", "2"),
        ("simulate", *SIMULATED, "--policy", ENGINE, "--strict", "--include-off-market", "--mark", CANDLES),
        ("simulate", *SIMULATED, "--policy", "v3.6", "--set", "base_sl=0.008", "--instruments", INSTRUMENTS),
    ],
    "ingest": [on(NEW, "ingest", MESSAGES), on(NEW, "ingest", MESSAGES)],
    "replay": [
        on(CURED, "replay"),
        on(CURED, "replay", "--symbol", "BTCUSDT", "--since", "2026-01-01T10:01:00Z"),
        on(CURED, "replay", "--from-receipts"),
        on(CURED, "replay", "--context"),
        on(LONG, "replay"),
        on(LONG, "replay", "--from-receipts"),
        on(LONG, "replay", "--context"),
        on(ALTERED, "replay"),
        on(ALTERED, "replay", "--from-receipts"),
        on(TOUR, "replay", "--engine", ENGINE),
        on(TOUR, "replay", "--engine", ENGINE, "--unit", "fraction"),
    ],
    "export parquet": [on(LONG, "export", "parquet"), on(LONG, "export", "parquet", "--verify")],
    "whatif": [
        on(TOUR, "whatif", "--policy", "v3.6"),
        on(CURED, "whatif", "--policy", "v3.6", "--set", "base_sl=0.02", "--symbol", "BTCUSDT"),
        on(CURED, "whatif", "--policy", ENGINE),
        on(TOUR, "whatif", "--policy", "v3.6", "--sweep", "base_sl=0.002:0.01:0.004"),
        on(LONG, "whatif", "--policy", "v3.5"),
        on(LONG, "whatif", "--policy", "v3.6", "--sweep", "base_sl=0.003:0.009:0.001"),
        on(LONG, "whatif", "--policy", "v3.5", "--candles", "candles"),
        on(LONG, "whatif", "--policy", "v3.5", "--candles", "candles", *RULED, "--mark", "candles"),
        on(LONG, "whatif", "--policy", "v3.5-fraction", "--candles", "candles", "--baseline", "v3.5", *RULED),
        on(TOUR, "whatif", "--policy", "v3.6", "--candles", CANDLES),
        on(TOUR, "whatif", "--policy", "v3.6", "--candles", CANDLES, "--sweep", "base_sl=0.004:0.006:0.001"),
        on(
            CURED,
            "whatif",
            "--policy",
            "v3.6",
            "--policy",
            "v3.5",
            "--candles",
            CANDLES,
            "--baseline",
            "v3.5",
        ),
    ],
    "audit lsf": [
        on(CURED, "audit", "lsf"),
        on(LONG, "audit", "lsf", "--closes"),
        on(CURED, "audit", "lsf", "--decision", "dc24c347", "--closes"),
    ],
    "policy list": [("policy", "list"), on(CURED, "policy", "list")],
    "policy show": [("policy", "show", "v3.5"), on(CURED, "policy", "show", "v3.6")],
    "policy diff": [("policy", "diff", "v3.5-fraction", "v3.6")],
    "positions": [on(CURED, "positions"), on(LONG, "positions", "--all")],
    "plan": [on(CURED, "plan", "c71e3b35"), on(TOUR, "plan", "386a2a42")],
    "receipt": [on(TOUR, "receipt", REFUSED), on(CURED, "receipt", "1767261900000-0")],
    "index": [on(TOUR, "index"), on(LONG, "index", "--verify")],
    "book close": [
        on(COPY, "book", "close", "ETHUSDT", "--price", "2990", "--why", "closed by hand", "--by", "alice"),
        on(COPY, "book", "close", "ETHUSDT", "--why", "once more", "--by", "alice"),
    ],
    "lab lookahead": [
        on(TOUR, "lab", "lookahead", "--policy", "v3.6", "--policy", ENGINE),
        ("lab", "lookahead", *SIMULATED, "--policy", "v3.6"),
    ],
    "doctor": [on(TOUR, "doctor", "--redis", "unix:///nowhere/redis.sock")],
    "version": [("version",)],
}
"""The command lines by their command, in the order in which they are run; `--json` is added."""

AT_REDIS: dict[str, list[tuple[str, ...]]] = {
    "dlq list": [("dlq", "list"), ("dlq", "list", "--stream", "trade.closed")],
    "dlq show": [("dlq", "show", "1767268809000-0"), ("dlq", "show", "1767268819000-0")],
    "dlq retry": [
        on(ODD, "dlq", "retry", "1767268809000-0"),
        on(ODD, "dlq", "retry", "1767268809000-0", "--set", "leverage=20"),
    ],
    "doctor": [on(ODD, "doctor")],
}
"""Command lines about what was published of the run of odd messages; `--redis` and `--json` are added."""

# Of a machine, a version or a moment, and so no part of what is promised.
_OF_THE_MOMENT = (
    (re.compile(r'"seconds":[-+.0-9e]+'), '"seconds":0'),
    (re.compile(r'"(version|python)":"[^"]*"'), r'"\1":""'),
    (re.compile(r'"packages":\{[^}]*\}'), '"packages":{}'),
)
_OF_COMMANDS = {
    "replay": ((re.compile(r',"lane":"\w+"'), ""), (re.compile(r',"mirror":(null|\{[^}]*\})'), "")),
    "book close": ((re.compile(r'"receipt_id":"[^"]*"'), '"receipt_id":""'),),
    "dlq retry": ((re.compile(r'"entry_id":"[^"]*"'), '"entry_id":""'),),
    "doctor": (
        (re.compile(r'"redis":"\w+://[^"]*"'), '"redis":""'),
        (re.compile(r'("name":"redis","ok":\w+,"detail":)"[^"]*"'), r'\1""'),
    ),
}


def printed() -> Groups:
    """Return exit code and output of every command line; the working folder holds the example stores."""
    return _printed(LINES, "")


def _printed(lines_of: dict[str, list[tuple[str, ...]]], where: str, *more: str) -> Groups:
    groups: Groups = {}
    for command, lines in lines_of.items():
        for number, words in enumerate(lines, start=1):
            code, output = ended(*words, *more, "--json")
            groups[f"{command}{where} {number}"] = [str(code), timeless(command, output)]
    return groups


def printed_at(url: str, run: Run) -> Groups:
    """Return exit code and output of every command line that asks an empty Redis, once it holds what was published."""
    with closing(subject.redis_at(url)) as server:
        number = 0
        for stream, entries in run.published.items():
            for fields in entries:
                number += 1
                server.xadd(stream, fields, id=f"{number}-0")
    return _printed(AT_REDIS, " at Redis", "--redis", url)


def timeless(command: str, output: str) -> str:
    """Return an output without what is of a machine, a version or a moment."""
    for pattern, instead in (*_OF_THE_MOMENT, *_OF_COMMANDS.get(command, ())):
        output = pattern.sub(instead, output)
    return output


def ended(*words: str) -> tuple[int, str]:
    """Run a command in this process and return its exit code and what it printed on stdout."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = subject.run(words)
    return code, out.getvalue()


@contextmanager
def example_folder(folder: Path) -> Iterator[Run]:
    """Work in a folder with the example stores, made with a fixed clock and id, and without settings from outside.

    Yields the run of odd messages, whose store is there too.
    """
    run_story(STORIES["examples"], folder / TOUR)
    run_story(STORIES["examples, cured"], folder / CURED)
    odd = run_story(STORIES["odd"], folder / ODD)
    run_story(STORIES["imported"], folder / LONG)
    subject.write_candles(folder / "candles", subject.synthetic_candles(IMPORTED, seed=IMPORTED_SEED))
    shutil.copy(folder / CURED, folder / COPY)
    shutil.copy(folder / TOUR, folder / ALTERED)
    shutil.copy(folder / TOUR, folder / FORGED)
    _alter(folder / ALTERED, "0.847247979309735", "0.847247979309736")
    _alter(folder / FORGED, '"base_sl":0.5', '"base_sl":0.6')
    (folder / "docs").symlink_to(ROOT / "docs")
    settings = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("EXITBRAIN_")}
    try:
        with chdir(folder):
            yield odd
    finally:
        os.environ.update(settings)


def _alter(store: Path, digits: str, instead: str) -> None:
    """Replace text in every event of a store."""
    changed = "UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), ?, ?) AS BLOB)"
    with closing(sqlite3.connect(store)) as database, database:
        database.execute(changed, (digits, instead))
