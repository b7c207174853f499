"""The columnar lane says what the row lane says, about whatever a store holds."""

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exitbrain.application.replay import Selection
from exitbrain.domain.formulas.registry import SHIPPED
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.tampering import copy_store
from exitbrain.infrastructure.lab.segment import AnotherStore
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages
from tests.integration.mirrored import (
    Alter,
    alter,
    by_row,
    decision_positions,
    export,
    in_columns,
    make_store,
)

pytestmark = pytest.mark.integration


def digit_after(name: str, place: int = 4) -> Alter:
    """Return a change of one digit of the first number of that name within the outcome or, before it, the inputs."""
    pattern = re.compile(rb'"%b":"?\d*\.?\d{%d}' % (name.encode(), place))

    def change(state: bytes) -> bytes:
        found = pattern.search(state)
        assert found is not None, name
        at = found.end() - 1
        return state[:at] + b"%d" % ((state[at] - 47) % 10) + state[at + 1 :]

    return change


def replacing(old: bytes, new: bytes) -> Alter:
    return lambda state: state.replace(old, new, 1)


ALTERATIONS: dict[str, Alter] = {
    "an output": digit_after("tp1"),
    "the lsf": digit_after("lsf_adjusted"),
    "a limit": digit_after("cap", 1),
    "an input": digit_after("leverage", 1),
    "the confidence": digit_after("confidence", 1),
    "the entry price": digit_after("entry_price", 1),
    "a guard figure": digit_after("needed", 1),
    "what bound": digit_after("before", 3),
    "the name of what bound": replacing(b'"constraint":"clamp_max"', b'"constraint":"clamp_min"'),
    "a guard that passed": replacing(b'"passed":["leverage_is_known",', b'"passed":['),
    "why a guard is unknown": replacing(b"no tick size", b"no step size"),
    "a harvest fraction of the header": replacing(b'"harvest":[0.', b'"harvest":[1.'),
    "the quantity of the header": digit_after("quantity", 1),
    "the writing alone": replacing(b'"rounding":[]', b'"rounding": []'),
    "a refusal": replacing(b'"refusal":null', b'"refusal":"NO_STOP_FITS"'),
    "an unknown refusal": replacing(b'"refusal":null', b'"refusal":"NO_MOOD"'),
    "the name of the policy": replacing(b'"policy":{"name":"v3.5"', b'"policy":{"name":"v9.9"'),
    "the parameters": replacing(b'"parameters_hash":"', b'"parameters_hash":"0'),
    "the snapshot": replacing(b'"snapshot":null', b'"snapshot":"gone"'),
    "the age": replacing(b'"max_intent_age_s":300.0', b'"max_intent_age_s":30.0'),
    "a missing field": replacing(b'"account":', b'"count":'),
    "a field that nothing reads": replacing(b'"cause":"INTENT"', b'"cause":"nobody"'),
    "all of it": lambda _: b"no JSON",
    "brackets without end": lambda state: state[:-1] + b',"x":' + b"[" * 100_000,
    "the time": replacing(b'"occurred_at":"2', b'"occurred_at":"0'),
    "half of the policy": replacing(b'"fingerprint":', b'"print":'),
    "the version": replacing(b'{"v":1,', b'{"v":7,'),
}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without instruments, and its mirror beside it."""
    store = tmp_path_factory.mktemp("untouched") / "store.db"
    make_store(store)
    export(store, store.with_suffix(".mirror"))
    return store


@pytest.fixture
def store(untouched: Path, tmp_path: Path) -> Path:
    """A copy of that store, with its mirror, for one test to alter."""
    copy = tmp_path / "copy.db"
    copy_store(untouched, copy)
    shutil.copytree(untouched.with_suffix(".mirror"), copy.with_suffix(".mirror"))
    return copy


@pytest.mark.parametrize("with_instruments", [False, True], ids=["without", "with"])
@pytest.mark.parametrize("policy", SHIPPED)
def test_both_lanes_report_the_same(policy: str, with_instruments: bool, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    make_store(store, policy=policy, messages=900, with_instruments=with_instruments)
    export(store, tmp_path / "mirror")

    found = in_columns(store, tmp_path / "mirror")

    assert found.verdicts == by_row(store)
    assert found.verdicts.clean
    assert found.verdicts.decisions > 500
    assert found.notes == []
    if with_instruments:  # prices on ticks are judged by row, the others in columns
        assert 0 < found.in_columns < found.verdicts.decisions
    else:
        assert found.in_columns == found.verdicts.decisions


@pytest.mark.parametrize("policy", SHIPPED)
def test_the_recorded_intents_are_exact_in_both_lanes(policy: str, shared_data: Path, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with (
        opened(load_settings(store=f"sqlite:///{store}", policy=policy), "create") as container,
        (shared_data / "intents" / "trade-intent.jsonl").open("rb") as messages,
    ):
        container.recorder().handle_batch(list(read_messages(messages, max_bytes=65_536)))
    export(store, tmp_path / "mirror")

    found = in_columns(store, tmp_path / "mirror")

    assert found.verdicts == by_row(store)
    assert found.verdicts.exact == found.in_columns == 21


@pytest.mark.parametrize("what", ALTERATIONS)
def test_what_was_altered_before_the_export_is_found_as_by_row(store: Path, what: str) -> None:
    position = decision_positions(store)[40]
    alter(store, position, ALTERATIONS[what])
    shutil.rmtree(store.with_suffix(".mirror"))
    export(store, store.with_suffix(".mirror"))

    for trust_mirror in (True, False):
        found = in_columns(store, store.with_suffix(".mirror"), trust_mirror=trust_mirror)
        assert found.verdicts == by_row(store)
        assert found.notes == []


@pytest.mark.parametrize("what", ALTERATIONS)
def test_what_was_altered_after_the_export_is_found_as_by_row(store: Path, what: str) -> None:
    position = decision_positions(store)[40]
    alter(store, position, ALTERATIONS[what])

    found = in_columns(store, store.with_suffix(".mirror"))

    assert found.verdicts == by_row(store)
    (note,) = found.notes
    assert "the store has changed since segment 000000000001-" in note


def test_most_alterations_are_no_longer_exact(store: Path) -> None:
    first, *others = decision_positions(store)[10:60]
    for position in (first, others[20]):
        alter(store, position, ALTERATIONS["an output"])

    verdicts = in_columns(store, store.with_suffix(".mirror")).verdicts

    assert verdicts.drift == 2
    assert verdicts.first_drift is not None
    assert verdicts.first_drift.field == "levels.raw.tp1"


def test_a_trusted_mirror_speaks_for_the_store_as_it_was(store: Path) -> None:
    alter(store, decision_positions(store)[40], ALTERATIONS["an output"])

    found = in_columns(store, store.with_suffix(".mirror"), trust_mirror=True)

    assert found.verdicts.clean
    assert not by_row(store).clean


def test_a_decision_that_was_taken_out_of_the_store_is_noticed(store: Path) -> None:
    taken_out = (decision_positions(store)[40],)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DELETE FROM stored_events WHERE rowid = ?", taken_out)

    found = in_columns(store, store.with_suffix(".mirror"))

    assert found.verdicts == by_row(store)
    assert len(found.notes) == 1


@pytest.mark.parametrize("every", [2, 40])
def test_many_and_few_decisions_left_to_the_row_judge_are_counted_once(store: Path, every: int) -> None:
    for position in decision_positions(store)[::every]:
        alter(store, position, ALTERATIONS["the writing alone"])
    shutil.rmtree(store.with_suffix(".mirror"))
    export(store, store.with_suffix(".mirror"))

    for trust_mirror in (True, False):
        found = in_columns(store, store.with_suffix(".mirror"), trust_mirror=trust_mirror)
        assert found.verdicts == by_row(store)
        assert found.verdicts.drift == len(decision_positions(store)[::every])
        assert found.in_columns == found.verdicts.exact


def test_a_selection_holds_in_columns(store: Path) -> None:
    alter(store, decision_positions(store)[40], ALTERATIONS["all of it"])
    for selection in (
        Selection(symbol="BTCUSDT"),
        Selection(symbol="NOSUCHUSDT"),
        Selection(
            since=datetime(2026, 1, 1, 0, 10, tzinfo=UTC), until=datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
        ),
    ):
        assert in_columns(store, store.with_suffix(".mirror"), selection).verdicts == by_row(store, selection)


def test_what_the_mirror_does_not_cover_is_replayed_by_row(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    make_store(store, messages=300)
    export(store, tmp_path / "mirror")
    covered = len(decision_positions(store))
    make_store(store, messages=500, skip=300)

    found = in_columns(store, tmp_path / "mirror")

    assert found.verdicts == by_row(store)
    assert found.in_columns == covered < found.verdicts.decisions


def test_a_damaged_segment_is_never_used(store: Path) -> None:
    first = sorted(store.with_suffix(".mirror").iterdir())[0]
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)

    found = in_columns(store, store.with_suffix(".mirror"))

    assert found.verdicts == by_row(store)
    (note,) = found.notes
    assert f"segment {first.name} is damaged" in note
    assert "replayed by row" in note


def test_the_mirror_of_another_store_is_refused(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    make_store(other, messages=20)

    with pytest.raises(AnotherStore, match="belongs to another store"):
        in_columns(other, store.with_suffix(".mirror"))
