"""Attacks on what is written: planted links, readable copies, full disks, killed runs."""

import fcntl
import os
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE

import pytest

from exitbrain.infrastructure.cli.main import run
from tests.attacks.attacked import attacked, exitbrain

MESSAGES = Path(__file__).parents[2] / "docs" / "examples" / "messages.jsonl"
STORE = "store.db"

EXPORT = ("whatif", "--policy", "v3.6", "--export")
WRITTEN = {
    "pairs.csv": (*EXPORT, "pairs.csv"),
    "pairs.parquet": (*EXPORT, "pairs.parquet"),
    "changes.csv": ("audit", "lsf", "--csv", "changes.csv"),
    "report.html": ("whatif", "--policy", "v3.6", "--report", "report.html"),
}
"""Each kind of file that a user names, and the command that writes it."""

CANDLES = MESSAGES.parent / "candles"
ON_CANDLES = ("whatif", "--policy", "v3.6", "--candles", str(CANDLES), "--include-off-market", "--legs")
TABLES = {
    "run.parquet": {"run.parquet", "run.policies.parquet", "run.legs.parquet"},
    "run.arrow": {"run.arrow", "run.policies.arrow", "run.legs.arrow"},
    "run.csv": {"run.csv", "run.policies.csv", "run.legs.csv"},
    "run": {"run"},
}
"""Each kind of table of outcomes, and what a command that writes it leaves."""

UNFINISHED = ".exitbrain-{}.unfinished"
_FILE, _FOLDER = 0o600, 0o700


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work in a folder with a store, made by a user whose files everybody may write, and without settings."""
    folder, before = tmp_path_factory.mktemp("written"), Path.cwd()
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
            patched.delenv(name)
        patched.setenv("EXITBRAIN_STORE", f"sqlite:///{folder / STORE}")
        patched.chdir(folder)
        mask = os.umask(0)
        try:
            assert run(["ingest", str(MESSAGES)]) == 0
            yield folder
        finally:
            os.umask(mask)
            os.chdir(before)


@pytest.fixture
def here(tmp_path: Path, folder: Path) -> Iterator[Path]:
    """Work in an empty folder with that store."""
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(folder)


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_follows_no_link_that_was_planted_and_is_its_owners_alone(here: Path, name: str) -> None:
    victim = here / "victim"
    victim.write_text("mine", encoding="utf-8")
    for planted in (name, f"{name}.unfinished", f"{name}.{os.getpid()}.partial"):
        (here / planted).symlink_to(victim)

    assert run(WRITTEN[name]) == 0

    assert victim.read_text(encoding="utf-8") == "mine"
    assert (here / name).stat().st_size > 0
    assert S_IMODE((here / name).lstat().st_mode) == _FILE


def test_a_store_with_its_log_and_a_mirror_are_their_owners_alone(here: Path) -> None:
    ingested = attacked(
        *(sys.executable, "-c", _WHILE_OPEN, str(MESSAGES)),
        cwd=here,
        env={**os.environ, "EXITBRAIN_STORE": ""},
    )
    assert ingested.out.split() == ["0o600", "new.db", "new.db-shm", "new.db-wal", "0o600"], ingested.err

    assert run(["export", "parquet", "made/mirror"]) == 0
    assert mode(here / "made" / "mirror") == _FOLDER
    assert {mode(segment) for segment in (here / "made" / "mirror").iterdir()} == {_FILE}


_WHILE_OPEN = """
import os, sys
from pathlib import Path
from stat import S_IMODE

def mode(path):
    return oct(S_IMODE(os.stat(path).st_mode))

def heard(event, args):
    if event == "sqlite3.connect" and "new.db" in str(args[0]) and not seen:
        seen.append(mode("new.db"))  # before SQLite has opened it

seen = []
sys.addaudithook(heard)
os.umask(0)
from exitbrain import ExitBrain
with ExitBrain.open("sqlite:///new.db") as opened:
    print(*seen, *sorted(os.listdir()), *{mode(path) for path in os.listdir()})
"""


def test_a_mode_that_was_chosen_is_kept(here: Path) -> None:
    (here / "changes.csv").touch(0o640)
    assert run(WRITTEN["changes.csv"]) == 0
    assert (mode(here / "changes.csv"), [path.name for path in here.iterdir()]) == (0o640, ["changes.csv"])


def test_a_stricter_umask_counts(here: Path) -> None:
    os.umask(0o277)
    try:
        assert run(WRITTEN["changes.csv"]) == 0
    finally:
        os.umask(0)
    assert mode(here / "changes.csv") == 0o400


def test_a_store_is_not_made_where_a_link_points(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "new.db").symlink_to(here / "elsewhere.db")

    assert run(["ingest", str(MESSAGES), "--store", "sqlite:///new.db"]) == 3

    assert "store new.db is a link to" in capsys.readouterr().err
    assert not (here / "elsewhere.db").exists()


@pytest.mark.parametrize("name", WRITTEN)
def test_a_full_disk_names_the_file_and_leaves_nothing(
    here: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with at_most(64):
        code = run(WRITTEN[name])

    said = capsys.readouterr().err.splitlines()[-1]
    assert (code, said) == (3, f"exitbrain: {name} cannot be written: File too large")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_outcomes_is_its_owners_alone(here: Path, name: str) -> None:
    assert run([*ON_CANDLES, "--table", name]) == 0

    assert {path.name for path in here.iterdir()} == TABLES[name]
    for path in here.rglob("*"):
        assert mode(path) == (_FOLDER if path.is_dir() else _FILE)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_outcomes_follows_and_replaces_no_link(
    here: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = here / "victim"
    victim.write_text("mine", encoding="utf-8")
    for planted in TABLES[name]:
        (here / planted).symlink_to(victim)
        assert run([*ON_CANDLES, "--table", name]) == 2
        assert f"a new path, but {planted} exists" in capsys.readouterr().err
        (here / planted).unlink()

    assert [(path.name, path.read_text(encoding="utf-8")) for path in here.iterdir()] == [("victim", "mine")]


@pytest.mark.parametrize("name", TABLES)
def test_a_full_disk_leaves_no_part_of_a_table_of_outcomes(
    here: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with at_most(64):
        code = run([*ON_CANDLES, "--table", name])

    said = capsys.readouterr()
    assert (code, said.out, list(here.iterdir())) == (3, "", [])
    assert re.fullmatch(r"exitbrain: run\S* cannot be written: .*File too large", said.err.splitlines()[-1])


def test_a_full_disk_names_the_mirror_the_store_and_the_output(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with at_most(64):
        exported = run(["export", "parquet", "mirror"])
    assert exported == 3
    assert "segment 000000000001-" in (said := capsys.readouterr().err)
    assert "of mirror mirror cannot be written: File too large" in said
    assert list((here / "mirror").iterdir()) == []

    with at_most(50_000):
        ingested = run(["ingest", str(MESSAGES), "--store", "sqlite:///small.db"])
    said = capsys.readouterr().err
    assert ingested == 3
    assert said.splitlines()[-1].startswith("exitbrain: store small.db cannot be written: ")

    assert run(["audit", "lsf", "--csv", "/dev/full"]) == 3
    assert "exitbrain: /dev/full cannot be written: No space left on device" in capsys.readouterr().err
    with Path("/dev/full").open("w") as full:
        ended = attacked(
            "sh", "-c", '"$@" >/dev/full', "sh", *exitbrain("levels", "--leverage", "10"), cwd=here
        )
    assert full.closed
    said_of_output = "exitbrain: standard output cannot be written: No space left on device\n"
    assert (ended.code, ended.err) == (3, said_of_output)


def test_no_device_or_pipe_is_replaced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("changes.csv")

    assert run(WRITTEN["changes.csv"]) == 3

    assert "changes.csv cannot be written: it is no file but a pipe or a device" in capsys.readouterr().err
    assert run(["audit", "lsf", "--csv", "/dev/null"]) == 0
    assert Path("/dev/null").is_char_device()


def test_what_a_killed_run_left_is_swept_and_nothing_else(here: Path) -> None:
    left, written, linked, folder, mine = (
        here / UNFINISHED.format(digit * 32) if digit != "x" else here / "notes.unfinished"
        for digit in "0123x"
    )
    for path in (left, written, mine):
        path.write_text("half", encoding="utf-8")
    linked.symlink_to(mine)
    folder.mkdir()

    with written.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)  # as who writes it does
        assert run(WRITTEN["changes.csv"]) == 0

    assert {path.name for path in here.iterdir()} == {
        *(path.name for path in (written, linked, folder, mine)),
        "changes.csv",
    }
