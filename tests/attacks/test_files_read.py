"""Hostile files that are read: each ends in one sentence that names it, in little memory and little time."""

import gzip
import json
import os
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.domain.messages.receipt import Reason
from exitbrain.infrastructure.files.limits import DOCUMENT_MAX, FileLimits
from exitbrain.infrastructure.lab.candles import read_candles
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.segment import SegmentDamaged, label_of, read_segment
from exitbrain.infrastructure.settings import SettingsError, load_settings
from exitbrain.infrastructure.wire.jsonl import InputUnreadable, open_lines, read_messages
from tests.attacks.attacked import MIB, attacked
from tests.attacks.hostile_files import CANDLES, MESSAGE, POSITION, T0, Attack, bombs, options, others

MARK = b"\xef\xbb\xbf"
ATTACKS = [*bombs(256 * MIB), *others(), *options()]
BOUND_S, PEAK = 5.0, 320 * MIB


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[Attack, tuple[int, str, str, float]]:
    """Run all of them in one process of 1 GB."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "good.jsonl").write_text(json.dumps(POSITION))
    (folder / "BTCUSDT.csv").write_text(CANDLES)
    for attack in ATTACKS:
        if not os.path.lexists(folder / attack.name):
            attack.write(folder / attack.name)
    lines = [attack.line(folder) for attack in ATTACKS]
    done = attacked(
        sys.executable,
        "-m",
        "tests.attacks.several_commands",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        given=json.dumps(lines).encode(),
        address_space=1024 * MIB,
    )
    assert done.code == 0, done.err
    assert done.peak_bytes < PEAK
    return dict(zip(ATTACKS, map(tuple, json.loads(done.out)), strict=True))


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_a_hostile_file_ends_in_one_sentence(
    attack: Attack, ended: dict[Attack, tuple[int, str, str, float]]
) -> None:
    code, _, said, processor_s = ended[attack]

    assert (code, attack.says in said) == (attack.code, True), said
    assert attack.code == 0 or said.count("\n") == 1, said
    assert attack.code == 2 or attack.name in said
    assert "unexpected" not in said
    assert len(said) < 1_000
    assert processor_s < BOUND_S


def test_a_line_that_is_too_long_is_refused_with_its_length_and_the_next_one_is_read(tmp_path: Path) -> None:
    good, path = json.dumps(MESSAGE).encode(), tmp_path / "messages.jsonl"
    long = b'{"stream": "' + b"x" * 3_000_000
    path.write_bytes(b"\n".join([good, MARK + long, good.replace(b"10", b"20"), long]))

    first, second, third, fourth = read_messages(open_lines(str(path)), max_bytes=65_536)

    assert (first.broken, third.broken) == (None, None)
    for message, length in ((second, len(MARK + long)), (fourth, len(long))):
        assert message.broken is not None
        assert (message.broken.reason, message.broken.value) == (Reason.TOO_LARGE, f"{length} bytes")
        assert message.fields.length == length
        assert message.fields.values["line"].startswith('{"stream": "xxx')


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (FileLimits(max_bytes=100), "it holds more than 100 bytes, the limit EXITBRAIN_MAX_FILE_BYTES"),
        (FileLimits(max_rows=2), "it holds more than 2 rows, the limit EXITBRAIN_MAX_FILE_ROWS"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "csv.gz", "zip", "parquet", "feather", "jsonl"])
def test_limits_hold_for_every_form(form: str, limits: FileLimits, says: str, tmp_path: Path) -> None:
    path = tmp_path / f"BTCUSDT.{form}"
    table = pa.table(
        {name: [T0, T0 + 60_000, T0 + 120_000] for name in ("time", "open", "high", "low", "close")}
    )
    if form == "parquet":
        pyarrow.parquet.write_table(table, path)
    elif form == "feather":
        pyarrow.feather.write_feather(table, path)
    elif form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", CANDLES * 3)
    else:
        content = CANDLES.encode() * 3
        path.write_bytes(gzip.compress(content) if form.endswith("gz") else content)

    with pytest.raises((MarketUnreadable, InputUnreadable), match=says):
        list(open_lines(str(path), limits)) if form == "jsonl" else read_candles([path], limits=limits)


def test_settings_are_read_from_a_regular_file_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(SettingsError, match=r"\.env cannot be read: it is a FIFO; allowed: a regular file"):
        load_settings(env_file=tmp_path / ".env")


def test_a_large_env_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"#\n" * DOCUMENT_MAX)
    with pytest.raises(SettingsError, match=r"\.env cannot be read: it holds more than 8,388,608 bytes"):
        load_settings(env_file=tmp_path / ".env")


@pytest.mark.parametrize(
    "name", ["reclaim_idle_s", "reap_idle_s", "give_up_after_s", "max_intent_age_s", "fee_bps"]
)
@pytest.mark.parametrize("value", ["1e999999", "inf", "nan", "9" * 5_000])
def test_absurd_settings_are_refused_by_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"EXITBRAIN_{name.upper()}", value)
    with pytest.raises(SettingsError, match=f"setting {name.upper()} is ") as error:
        load_settings()
    assert len(str(error.value)) < 400


def test_a_mirror_is_read_from_regular_files_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"{1:012d}-{9:012d}-0123456789abcdef.parquet")
    [segment] = Mirror(tmp_path, "a store").segments()

    assert label_of(segment) == {}
    with pytest.raises(SegmentDamaged, match="is damaged: it is a FIFO; allowed: a regular file"):
        read_segment(segment, "a store")
