"""A mirror that vouches for an altered store: verdicts come from the store, and what trusts the mirror says so."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("pyarrow")

from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.segment import read_segment, write_segment
from exitbrain.infrastructure.lab.stored_hash import stored_hash
from tests.integration.mirrored import alter, decision_positions, ledger_of, make_store

pytestmark = pytest.mark.integration

TRUSTED = "mirror was trusted: its columns were not compared with the store"
Told = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of which one stop was altered, beside a mirror of before that names its new hash."""
    folder = tmp_path_factory.mktemp("forged")
    store, mirrored = folder / "t.db", folder / "t.db.mirror"
    make_store(store, messages=90)
    with closing(ledger_of(store)) as ledger:
        Mirror.of(ledger, mirrored).export(ledger)
    position = decision_positions(store)[7]
    alter(store, position, lambda state: state.replace(b'"tp1":0.', b'"tp1":1.', 1))
    with closing(ledger_of(store)) as ledger:
        mirror = Mirror.of(ledger, mirrored)
        (honest,) = mirror.segments()
        columns = read_segment(honest, mirror.store_id)
        honest.path.unlink()
        new_hash = stored_hash(ledger, honest.first, honest.last)
        write_segment(mirrored, mirror.store_id, honest.first, honest.last, columns, new_hash)
    return folder


@pytest.fixture
def told(forged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    monkeypatch.chdir(forged)
    for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EXITBRAIN_STORE", "sqlite:///t.db")

    def said(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        return run(arguments), capsys.readouterr().out

    return said


def test_a_replay_finds_what_was_altered_whatever_a_mirror_says(told: Told) -> None:
    code, out = told("replay", "--json")
    report = msgspec.json.decode(out)

    assert (code, report["decisions"], report["drift"]) == (1, report["exact"] + 1, 1)
    assert report["first_drift"]["field"] == "levels.raw.tp1"
    assert not {"lane", "mirror"} & report.keys()


def test_a_what_if_says_when_it_used_columns_that_were_not_compared(told: Told) -> None:
    command = ("whatif", "--policy", "v3.6")
    columnar, row = (told(*command, "--lane", lane, "--json")[1] for lane in ("columnar", "row"))

    assert msgspec.json.decode(columnar)["mirror_trusted"] is True
    assert "mirror_trusted" not in msgspec.json.decode(row)
    assert TRUSTED in told(*command, "--lane", "columnar")[1]
    assert "mirror" not in told(*command)[1].lower()


def test_a_what_if_in_columns_of_the_store_itself_trusts_nobody(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXITBRAIN_MIRROR", "none.mirror")

    out = told("whatif", "--policy", "v3.6", "--lane", "columnar", "--json")[1]

    assert msgspec.json.decode(out)["lane"] == "columnar"
    assert "mirror_trusted" not in msgspec.json.decode(out)
