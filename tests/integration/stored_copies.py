"""A store as it may lie on a disk: in use, closed, killed, or copied in part; each in a folder of its own."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

STORE = "store.db"
INDEX = f"{STORE}.index"
MESSAGES = Path(__file__).parents[2] / "docs" / "examples" / "messages.jsonl"

CLOSED, KILLED, WITHOUT_INDEX, FILE_ALONE = "closed", "killed", "without -shm", "file alone"
COPIES = (CLOSED, KILLED, WITHOUT_INDEX, FILE_ALONE)

_WRITER = """
import itertools, os, sys
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.settings import Settings
from exitbrain.infrastructure.wire.jsonl import open_lines, read_messages

store, messages = sys.argv[1:]
settings = Settings(store=f"sqlite:///{store}")
read = read_messages(open_lines(messages), max_bytes=settings.max_message_bytes)
with opened(settings, "create") as container:
    container.recorder().handle_batch(list(itertools.islice(read, 5)))
with opened(settings, "write") as container:
    container.recorder().handle_batch(list(read))
    print("recorded", flush=True)
    sys.stdin.read()
"""
"""The file holds five messages, the log beside it the rest, until the end of the input."""


@contextmanager
def in_use(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Record the messages of the documentation in another process, and kill that at the end."""
    command: list[str | Path] = [sys.executable, "-c", _WRITER, folder / STORE, MESSAGES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"recorded\n"
        yield writer
        writer.kill()


def copied_to(folder: Path, kind: str, killed: Path) -> Path:
    """Make a folder with a copy of a killed store of that kind."""
    folder.mkdir()
    suffixes = {FILE_ALONE: ("",), WITHOUT_INDEX: ("", "-wal")}.get(kind, ("", "-wal", "-shm"))
    for suffix in suffixes:
        shutil.copy(killed / (STORE + suffix), folder)
    if kind == CLOSED:
        with closing(sqlite3.connect(folder / STORE)) as connection:
            connection.execute("SELECT count(*) FROM stored_events")
    return folder


def content(folder: Path) -> dict[str, tuple[int, str]]:
    """Return time of change and hash of each file of a store, read by another process.

    SQLite's locks are gone where a file is closed. The index of look-ups is not part of the store.
    """
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != INDEX)
    hashed = subprocess.run(
        ["sha256sum", "--", *names], cwd=folder, check=True, capture_output=True, text=True
    )
    return {
        name: ((folder / name).stat().st_mtime_ns, line.split()[0])
        for name, line in zip(names, hashed.stdout.splitlines(), strict=True)
    }
