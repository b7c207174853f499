"""Commands that read a store change nothing about it, however it lies there, and say what a writer would be told."""

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import UUID

import pytest
from typer.main import get_command

from exitbrain.domain.identity import decision_id
from exitbrain.infrastructure.cli.commands import app
from exitbrain.infrastructure.cli.main import run
from tests.integration.stored_copies import COPIES, FILE_ALONE, STORE, content, copied_to, in_use

pytestmark = pytest.mark.integration

WRITING = {"ingest", "serve", "book close"}
WITHOUT_STORE = {"levels", "simulate", "version", "demo", "lab example", "dlq list", "dlq show"}
ELSEWHERE = {"dlq retry"}
"""Reads the store and needs a server; its own tests see that the store stays as it was."""

READING: dict[str, tuple[str, ...]] = {
    "explain": ("explain", "{decision}"),
    "replay": ("replay",),
    "replay --from-receipts --context": ("replay", "--from-receipts", "--context"),
    "whatif": ("whatif", "--policy", "v3.6", "--lane", "row"),
    "positions": ("positions", "--all"),
    "plan": ("plan", "{position}"),
    "receipt": ("receipt", "1767261600000-0"),
    "index --verify": ("index", "--verify"),
    "doctor": ("doctor",),
    "audit lsf": ("audit", "lsf"),
    "lab lookahead": ("lab", "lookahead", "--policy", "v3.5", "--cuts", "1"),
    "export parquet": ("export", "parquet", "{outside}"),
    "policy list": ("policy", "list"),
    "policy show": ("policy", "show", "v3.6"),
    "policy diff": ("policy", "diff", "v3.5", "v3.6"),
}

Answer = tuple[int, Any]
Ask = Callable[[str], Answer]


def names_of(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from names_of(command, f"{name} ")
        else:
            yield before + name


def test_every_command_is_known_to_read_to_write_or_to_need_no_store() -> None:
    reading = {name.partition(" --")[0] for name in READING}
    assert set(names_of(get_command(app))) == reading | WRITING | WITHOUT_STORE | ELSEWHERE


def answer_of(arguments: tuple[str, ...]) -> Answer:
    """Run a command in this process, and return its exit code and what it reports, apart from how long it took and where."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*arguments, "--store", f"sqlite:///{STORE}", "--json"])
    report = json.loads(out.getvalue()) if out.getvalue() else err.getvalue()
    if isinstance(report, dict):
        for name in ("seconds", "folder", "file", "note", "events"):
            report.pop(name, None)
    return code, report


def asking(folder: Path, outside: Path) -> Ask:
    """Return a way to ask the store of a folder, as from a shell that stands there."""

    def ask(name: str) -> Answer:
        os.chdir(folder)
        given = {"outside": str(outside / name.replace(" ", "-"))}
        if "{position}" in READING[name] or "{decision}" in READING[name]:
            held = answer_of(READING["positions"])[1]["positions"][0]
            decision = decision_id(UUID(held["plan_id"]), 1)
            given |= {"position": held["position_id"], "decision": str(decision)}
        return answer_of(tuple(part.format(**given) for part in READING[name]))

    return ask


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
        monkeypatch.delenv(name)
    before = Path.cwd()
    yield
    os.chdir(before)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Answer every command from a store in use, kill its writer, and keep the folder that it leaves."""
    folder = tmp_path_factory.mktemp("live")
    before, answers, touched = Path.cwd(), {}, {}
    with in_use(folder):
        ask = asking(folder, tmp_path_factory.mktemp("outside"))
        for name in READING:
            found = content(folder)
            answers[name] = ask(name)
            touched[name] = content(folder) != found
    os.chdir(before)
    return {"folder": folder, "answers": answers, "touched": touched}


@pytest.mark.parametrize("name", READING)
def test_a_store_in_use_answers_and_stays_as_it_is(live: dict[str, Any], name: str) -> None:
    code, report = live["answers"][name]
    assert code == 0, report
    assert not live["touched"][name]


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("name", READING)
def test_a_copy_answers_like_the_store_and_stays_as_it_is(
    live: dict[str, Any], tmp_path: Path, kind: str, name: str
) -> None:
    folder = copied_to(tmp_path / "copy", kind, live["folder"])
    before = content(folder)
    answer = asking(folder, tmp_path)(name)
    assert content(folder) == before
    if kind == FILE_ALONE:  # it knows the first messages alone
        assert answer[0] == 0, answer
    else:
        assert answer == live["answers"][name]


def test_a_read_only_folder_answers_a_user_without_rights(live: dict[str, Any]) -> None:
    folder = Path(mkdtemp(prefix="exitbrain-read-only-"))  # below /tmp, where that user may look
    try:
        for kind in COPIES:
            copied_to(folder / kind, kind, live["folder"])
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555)
        for kind in COPIES:
            before = content(folder / kind)
            found = as_nobody(lambda kind=kind: answers_in(folder / kind))  # type: ignore[misc]
            assert content(folder / kind) == before
            for name, answer in found.items():
                if kind == FILE_ALONE:
                    assert answer[0] == 0, (name, answer)
                else:
                    assert answer == live["answers"][name], kind
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)


def answers_in(folder: Path) -> dict[str, Answer]:
    outside = Path(mkdtemp(prefix="exitbrain-outside-"))
    try:
        ask = asking(folder, outside)
        return {name: ask(name) for name in READING}
    finally:
        os.chdir("/")
        shutil.rmtree(outside)


def as_nobody(work: Callable[[], dict[str, Answer]]) -> dict[str, Answer]:
    """Do some work in a forked process, where root becomes a user without rights, and return what it found."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            with os.fdopen(writing, "w") as out:
                json.dump(work(), out)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as found:
        text = found.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return {name: (answer[0], answer[1]) for name, answer in json.loads(text).items()}
