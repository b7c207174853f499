"""The mirror as files: whole or not there, made again from the store, never used when it is not what it says."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from exitbrain.domain.events import Record
from exitbrain.domain.store import StoreOpened
from exitbrain.domain.values import changed
from exitbrain.infrastructure.demo.tampering import copy_store
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.lab.decision_columns import COLUMNS, TEXTS
from exitbrain.infrastructure.lab.mirror import Mirror, NoMirror, fresh_mirror, needed_mirror, read_from_store
from exitbrain.infrastructure.lab.mirror_comparison import first_difference
from exitbrain.infrastructure.lab.segment import (
    AnotherStore,
    Segment,
    SegmentDamaged,
    read_segment,
    write_segment,
)
from tests.integration.mirrored import SPAN, alter, decision_positions, ledger_of, make_store

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("untouched") / "store.db"
    make_store(store, with_instruments=True, policy="v3.6")
    return store


@pytest.fixture
def store(untouched: Path, tmp_path: Path) -> Path:
    copy_store(untouched, tmp_path / "copy.db")
    return tmp_path / "copy.db"


@pytest.fixture
def ledger(store: Path) -> Iterator[StoredLedger]:
    with closing(ledger_of(store)) as ledger:
        yield ledger


@pytest.fixture
def mirror(ledger: StoredLedger, tmp_path: Path) -> Mirror:
    return Mirror.of(ledger, tmp_path / "mirror", SPAN)


def names(mirror: Mirror) -> list[str]:
    return sorted(path.name for path in mirror.folder.iterdir())


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def test_an_export_covers_the_log_and_equals_the_store(ledger: StoredLedger, mirror: Mirror) -> None:
    report = mirror.export(ledger)

    assert report.covers == mirror.covers() == ledger.head()
    assert report.segments == report.written == len(names(mirror)) == -(-ledger.head() // SPAN) > 2
    assert [(segment.first, segment.last) for segment in mirror.segments()][:2] == [
        (1, SPAN),
        (SPAN + 1, 2 * SPAN),
    ]
    verified = mirror.verify(ledger)
    assert (verified.damaged, verified.different) == ([], [])
    assert verified.decisions == report.decisions > 100


def test_the_same_store_gives_the_same_names(ledger: StoredLedger, mirror: Mirror, tmp_path: Path) -> None:
    mirror.export(ledger)
    other = Mirror.of(ledger, tmp_path / "other", SPAN)
    other.export(ledger)

    assert names(other) == names(mirror)


def test_a_second_export_writes_nothing(ledger: StoredLedger, mirror: Mirror) -> None:
    mirror.export(ledger)
    before = names(mirror)

    report = mirror.export(ledger)

    assert report.written == 0
    assert report.covers == ledger.head()
    assert names(mirror) == before


def test_a_longer_log_rewrites_the_short_segment_alone(tmp_path: Path) -> None:
    store = tmp_path / "growing.db"
    make_store(store, messages=300)
    with closing(ledger_of(store)) as ledger:
        mirror = Mirror.of(ledger, tmp_path / "mirror", SPAN)
        mirror.export(ledger)
    before = names(mirror)
    make_store(store, messages=420, skip=300)

    with closing(ledger_of(store)) as ledger:
        mirror.export(ledger)
        assert mirror.covers() == ledger.head()
        assert mirror.verify(ledger).different == []

    assert set(before) - set(names(mirror)) == {before[-1]}


def test_an_interrupted_export_leaves_whole_segments_and_is_gone_on_with(
    ledger: StoredLedger, mirror: Mirror
) -> None:
    def interrupt(position: int, _: int) -> None:
        if position > SPAN:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mirror.export(ledger, progress=interrupt)
    assert mirror.covers() == 2 * SPAN
    assert all(name.endswith(".parquet") for name in names(mirror))

    report = mirror.export(ledger)

    assert report.written == report.segments - 2
    assert mirror.verify(ledger).different == []


def test_a_write_that_breaks_off_leaves_nothing(ledger: StoredLedger, tmp_path: Path) -> None:
    columns, stored = read_from_store(ledger, 1, SPAN)
    fields = {name: getattr(columns, name) for name in COLUMNS}
    uneven = type(columns)(**{**fields, "sl": columns.sl[:-1]})

    with pytest.raises(ValueError, match="sl"):
        write_segment(tmp_path, "store", 1, SPAN, uneven, stored)

    assert list(tmp_path.glob("*.parquet")) == []
    assert list(tmp_path.glob("*.unfinished")) == []


def test_what_a_killed_export_left_is_cleared_away(ledger: StoredLedger, mirror: Mirror) -> None:
    mirror.folder.mkdir()
    (mirror.folder / f".exitbrain-{'0' * 32}.unfinished").write_bytes(b"half")
    for mine in ("notes.txt", "film.partial", "other.parquet"):
        (mirror.folder / mine).write_text("mine", encoding="utf-8")

    mirror.export(ledger, rebuild=True)

    others = [name for name in names(mirror) if not name.startswith("0000")]
    assert others == ["film.partial", "notes.txt", "other.parquet"]
    assert len(names(mirror)) == len(mirror.segments()) + len(others)


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
    ],
    ids=["a flipped bit", "emptied", "cut off"],
)
def test_a_damaged_segment_is_named_and_rebuilt(ledger: StoredLedger, mirror: Mirror, damage: object) -> None:
    mirror.export(ledger)
    before = names(mirror)
    damaged = mirror.segments()[1].path
    assert callable(damage)
    damage(damaged)

    assert [damaged.name in sentence for sentence in mirror.verify(ledger).damaged] == [True]
    report = mirror.export(ledger)

    assert report.written == 1
    assert [damaged.name in sentence for sentence in report.damaged] == [True]
    assert names(mirror) == before
    assert mirror.verify(ledger).damaged == []


def test_a_segment_under_the_name_of_another_range_is_damaged(ledger: StoredLedger, mirror: Mirror) -> None:
    mirror.export(ledger)
    first = mirror.segments()[0].path
    moved = first.rename(first.with_name(first.name.replace(f"-{SPAN:012d}-", f"-{SPAN - 1:012d}-")))
    segment = Segment.at(moved)
    assert segment is not None

    with pytest.raises(SegmentDamaged, match=f"holds the log positions 1-{SPAN}"):
        read_segment(segment, mirror.store_id)


def test_a_segment_of_another_version_is_rebuilt(
    ledger: StoredLedger, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("exitbrain.infrastructure.lab.segment.FORMAT", "1 0.0.1")
        mirror.export(ledger)

    report = mirror.export(ledger)

    assert report.written == report.segments
    assert all("was written for version '1 0.0.1'" in sentence for sentence in report.damaged)


def test_verify_names_the_first_row_and_column_that_differ(
    store: Path, ledger: StoredLedger, mirror: Mirror
) -> None:
    mirror.export(ledger)
    position = decision_positions(store)[30]
    alter(store, position, lambda state: state.replace(b'"confidence":0.', b'"confidence":0.1', 1))

    (different,) = mirror.verify(ledger).different

    assert f"log position {position}, confidence: 0." in different
    assert "in the mirror, 0.1" in different


def test_verify_finds_bytes_that_no_column_holds(store: Path, ledger: StoredLedger, mirror: Mirror) -> None:
    mirror.export(ledger)
    alter(store, decision_positions(store)[30], lambda state: state.replace(b'"INTENT"', b'"intent"', 1))

    (different,) = mirror.verify(ledger).different

    assert "the stored bytes have changed, but none of the numbers" in different


def test_a_rebuild_makes_everything_anew(store: Path, ledger: StoredLedger, mirror: Mirror) -> None:
    mirror.export(ledger)
    alter(store, decision_positions(store)[30], lambda state: state.replace(b'"INTENT"', b'"intent"', 1))
    assert mirror.export(ledger).written == 0

    report = mirror.export(ledger, rebuild=True)

    assert report.written == report.segments
    assert mirror.verify(ledger).different == []


def test_the_folder_of_another_store_is_left_alone_unless_it_is_to_be_rebuilt(
    ledger: StoredLedger, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.export(ledger)
    before = names(mirror)
    other_store = tmp_path / "other.db"
    make_store(other_store, messages=30)
    with closing(ledger_of(other_store)) as other_ledger:
        other = Mirror.of(other_ledger, mirror.folder, SPAN)
        with pytest.raises(AnotherStore, match="belongs to another store"):
            other.export(other_ledger)
        assert names(mirror) == before

        other.export(other_ledger, rebuild=True)

        assert other.covers() == other_ledger.head()
        assert len(names(other)) == 1
        assert other.verify(other_ledger).different == []


def test_stores_that_took_the_same_messages_in_the_same_moment_are_two(
    ledger: StoredLedger, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.export(ledger)
    with closing(open_ledger(f"sqlite:///{tmp_path}/twin.db", create=True)) as twin:
        twin.save([Record(entry.stream_id, entry.version, another_id(entry.event)) for entry in ledger.log()])

        assert fresh_mirror(ledger, mirror.folder) is not None
        assert fresh_mirror(twin, mirror.folder) is None
        with pytest.raises(AnotherStore, match="belongs to another store"):
            needed_mirror(twin, mirror.folder)


def another_id(event: Any) -> Any:
    """Return the event as another store holds it that was begun in the same moment."""
    return changed(event, store_id=uuid4()) if isinstance(event, StoreOpened) else event


def test_the_mirror_of_a_store_put_back_to_an_earlier_state_answers_for_nothing(
    ledger: StoredLedger, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.export(ledger)
    with closing(open_ledger(f"sqlite:///{tmp_path}/earlier.db", create=True)) as earlier:
        upto = ledger.head() - 10
        earlier.save([Record(e.stream_id, e.version, e.event) for e in ledger.log(upto=upto)])

        with pytest.raises(NoMirror, match=f"covers {ledger.head()} log positions, the store has {upto}"):
            needed_mirror(earlier, mirror.folder)
        assert fresh_mirror(earlier, mirror.folder) is None


def test_a_store_put_back_to_an_earlier_state_drops_what_lies_beyond(
    untouched: Path, ledger: StoredLedger, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.export(ledger)
    shutil.copytree(mirror.folder, tmp_path / "kept")
    earlier = mirror.segments()[-1]
    (mirror.folder / f"{earlier.last + 1:012d}-{earlier.last + 9:012d}-{'0' * 16}.parquet").write_bytes(b"x")

    mirror.export(ledger)

    assert mirror.covers() == ledger.head()
    assert len(names(mirror)) == len(list((tmp_path / "kept").iterdir()))


def test_every_bit_of_a_double_survives(ledger: StoredLedger, tmp_path: Path) -> None:
    columns, stored = read_from_store(ledger, 1, SPAN)
    odd = [-0.0, 0.0, 5e-324, -2.225073858507201e-308, 1.7976931348623157e308, 0.1, np.nextafter(0.1, 1)]
    for name in ("tp1", "sl", "cap", "funding"):
        getattr(columns, name)[: len(odd)] = odd

    segment = write_segment(tmp_path, "store", 1, SPAN, columns, stored)
    read = read_segment(segment, "store")

    for name in COLUMNS:
        if name not in TEXTS:
            assert getattr(read, name).tobytes() == getattr(columns, name).tobytes(), name
    assert [read.symbol.text(row) for row in range(len(read))] == [
        columns.symbol.text(row) for row in range(len(columns))
    ]


def test_few_columns_can_be_read(ledger: StoredLedger, mirror: Mirror) -> None:
    mirror.export(ledger)

    read = read_segment(mirror.segments()[0], mirror.store_id, ["log_position", "lsf_adjusted"])

    assert len(read) == len(read.lsf_adjusted) > 100
    assert len(read.tp1) == len(read.symbol.codes) == 0


def test_columns_that_are_the_same_everywhere_come_back_the_same(
    ledger: StoredLedger, tmp_path: Path
) -> None:
    columns, stored = read_from_store(ledger, 1, SPAN)
    columns.funding[:] = 0.0
    columns.tp1[:] = -0.0
    columns.tp2[:-1], columns.tp2[-1:] = 0.0, -0.0
    for some in (columns, columns.take(slice(3, 4)), columns.take(slice(0, 0))):
        read = read_segment(write_segment(tmp_path, "store", 1, SPAN, some, stored), "store")
        assert first_difference(read, some) is None
        assert len(read) == len(some)
