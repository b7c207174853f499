"""What `ingest` does with a file that holds no messages: it refuses it whole, before a store is begun or touched."""

import gzip
import io
import json
from pathlib import Path

import pytest

from tests.unit.cli import messages
from tests.unit.cli.conftest import Ended, Exitbrain

INTENT = messages.intent(1, "BTCUSDT", "BUY")
PRETTY = json.dumps(json.loads(INTENT), indent=2)
STORY = "".join(f"{line}\n" for line in messages.story())
BROKEN = "broken\n"

OTHER_FILES = {
    "a table": (b"open_time_ms,open,high,low,close\n1,2,3,4,5\n", "it begins with 'open_time_ms,open,"),
    "an array": (f"[{INTENT}, {INTENT}]\n".encode(), "expected one JSON object per line, not an array, "),
    "an array over lines": (b"[\n" + PRETTY.encode() + b"\n]", "expected one JSON object per line, not an array"),
    "an object over lines": (PRETTY.encode(), "one JSON object per line, not an object over several lines, "),
    "values": (b'"text"\n5\nnull\n', "expected one JSON object per line, {"),
    "a binary file": (bytes(range(1, 256)) * 20, "expected one JSON object per line"),
    "a binary file with NULs": (b"SQLite format 3\0" + bytes(200), "it begins with 'SQLite format 3"),
    "20 broken lines before a message": ((BROKEN * 20 + INTENT).encode(), "none of its first 20 lines"),
    "UTF-16": (STORY.encode("utf-16"), " is UTF-16; save it as UTF-8."),
    "UTF-16 without a mark": (STORY.encode("utf-16-be"), " is UTF-16; save it as UTF-8."),
    "UTF-16 with a blank line first": (f"\r\n{STORY}".encode("utf-16-le"), " is UTF-16; save it as UTF-8."),
    "UTF-32": (STORY.encode("utf-32"), " is UTF-32; save it as UTF-8."),
}  # fmt: skip
MESSAGE_FILES = {
    "19 broken lines before a message": ((BROKEN * 19 + INTENT).encode(), 20, 19),
    "blank lines do not count": ((BROKEN * 19 + "\n \r\n" * 20 + INTENT).encode(), 20, 19),
    "an object that is no message": (b'{"symbol": "BTCUSDT"}\n', 1, 1),
    "an object too large to be taken": (b'{"fields": "' + b"x" * 600_000 + b'"}\n', 1, 1),
    "UTF-16 appended": (f"{INTENT}\n".encode() + f"{INTENT}\n".encode("utf-16-le"), 3, 2),
    "marks, Windows line ends and Ctrl-Z": (f"\ufeff{INTENT}\r\n\ufeff{INTENT}\r\n\x1a".encode(), 2, 0),
    "nothing": (b"", 0, 0),
    "a mark alone": ("\ufeff\r\n\x1a".encode(), 0, 0),
}


def ingested(exitbrain: Exitbrain, content: bytes, way: str, monkeypatch: pytest.MonkeyPatch) -> Ended:
    """Ingest a content as a file, a packed file or from standard input, and report in JSON."""
    if way == "stdin":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return exitbrain("ingest", "-", "--json")
    Path("given").write_bytes(gzip.compress(content) if way == "packed" else content)
    return exitbrain("ingest", "given", "--json")


every_way = pytest.mark.parametrize("way", ["plain", "packed", "stdin"])


@every_way
@pytest.mark.parametrize(("content", "why"), OTHER_FILES.values(), ids=OTHER_FILES.keys())
def test_a_file_without_messages_is_refused_before_a_store_is_begun(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch, content: bytes, why: str, way: str
) -> None:
    ended = ingested(exitbrain, content, way, monkeypatch)

    assert (ended.code, ended.stdout) == (2, "")
    named = "standard input" if way == "stdin" else "given"
    assert ended.stderr.startswith(f"exitbrain: {named} ")
    assert why in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.strip().isprintable()
    assert {path.name for path in Path().iterdir()} <= {"given"}


def test_a_file_without_messages_leaves_a_store_as_it_was(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingested(exitbrain, STORY.encode(), "plain", monkeypatch)
    before = Path("exitbrain.db").read_bytes()

    assert ingested(exitbrain, b"a,b\n1,2\n", "plain", monkeypatch).code == 2

    assert Path("exitbrain.db").read_bytes() == before


@every_way
@pytest.mark.parametrize(("content", "read", "refused"), MESSAGE_FILES.values(), ids=MESSAGE_FILES.keys())
def test_single_bad_lines_are_kept_as_refusals(
    exitbrain: Exitbrain,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    read: int,
    refused: int,
    way: str,
) -> None:
    ended = ingested(exitbrain, content, way, monkeypatch)

    assert ended.code == 0
    assert (ended.report["read"], ended.report["refused"]) == (read, refused)


def test_a_line_in_another_encoding_is_refused_by_its_name(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended = f"{INTENT}\n".encode() + INTENT.encode("utf-16-le")

    (refusal,) = ingested(exitbrain, appended, "plain", monkeypatch).report["refusals"]

    assert refusal["reason"].endswith(" in UTF-8, not in UTF-16")
