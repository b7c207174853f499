"""Columns made from a store hold what its decisions say, and know which of them they cannot judge."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.levels.levels import REFUSALS
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.lab.column_builder import columns_of
from exitbrain.infrastructure.lab.decision_columns import (
    COLUMNS,
    HARVEST,
    INPUTS,
    LIMITS,
    OUTPUTS,
    SCHEMA,
    Coded,
    DecisionColumns,
    joined,
)
from exitbrain.infrastructure.lab.judgement import guard_states, judgement_of
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoredLedger]:
    url = f"sqlite:///{tmp_path_factory.mktemp('columns') / 'store.db'}"
    with opened(load_settings(store=url, policy="v3.6"), "create") as container:
        container.recorder().handle_batch(list(read_messages(lines(300), max_bytes=65_536)))
    with closing(open_ledger(url, create=False)) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def columns(ledger: StoredLedger) -> DecisionColumns:
    return columns_of(ledger.rows(topics=DECISION_TOPICS))


def same(left: DecisionColumns, right: DecisionColumns) -> bool:
    def texts(column: Coded) -> list[str | None]:
        return [column.text(row) for row in range(len(column.codes))]

    def equal(a: Any, b: Any) -> bool:
        if isinstance(a, Coded):
            return texts(a) == texts(b)
        return bool(a.dtype == b.dtype and a.tobytes() == b.tobytes())

    return all(equal(getattr(left, name), getattr(right, name)) for name in COLUMNS)


def test_every_decision_is_a_row_with_what_the_event_says(
    ledger: StoredLedger, columns: DecisionColumns
) -> None:
    entries = list(ledger.log(topics=DECISION_TOPICS))
    assert len(columns) == len(entries) > 100
    for row, entry in enumerate(entries):
        event = entry.event
        assert isinstance(event, Decision)
        raw = event.levels.raw
        assert columns.log_position[row] == entry.position
        assert bytes(columns.plan_id[row]) == entry.stream_id.bytes
        assert columns.revision[row] == event.revision
        assert columns.symbol.text(row) == event.symbol
        assert columns.account.text(row) == event.account
        assert columns.policy.text(row) == event.policy.name
        assert columns.parameters_hash.text(row) == event.policy.parameters_hash
        assert columns.snapshot.text(row) == event.context.snapshot
        age_s = (columns.recorded_at_us[row] - columns.occurred_at_us[row]) / 1e6
        assert age_s == event.context.freshness.age_s
        assert columns.direction[row] == event.inputs.side.direction
        assert [getattr(columns, name)[row] for name in INPUTS] == [
            getattr(event.inputs, name) for name in INPUTS
        ]
        assert columns.entry_price_text.text(row) == str(event.inputs.entry_price)
        assert columns.entry_price[row] == float(event.inputs.entry_price or 0)
        assert [getattr(columns, name)[row] for name in OUTPUTS + LIMITS] == [
            getattr(raw, name) for name in OUTPUTS + LIMITS
        ]
        assert tuple(getattr(columns, name)[row] for name in HARVEST) == raw.harvest
        assert REFUSALS.get(int(columns.refusal[row])) == raw.refusal
        assert columns.guard_states[row] == guard_states(event.levels.guards)
        assert columns.judgement[row] == judgement_of(event.levels)
    assert columns.readable.all()
    assert columns.regular.all()


def test_columns_survive_arrow_bit_for_bit(columns: DecisionColumns) -> None:
    odd = DecisionColumns(**{name: getattr(columns, name) for name in COLUMNS})
    odd.tp1[:4] = [-0.0, 5e-324, -2.2250738585072009e-308, 1.7976931348623157e308]

    assert same(DecisionColumns.of_table(odd.to_table()), odd)
    assert odd.to_table().schema == SCHEMA


def test_parts_are_joined_in_order(columns: DecisionColumns) -> None:
    parts = [columns.take(slice(0, 50)), columns.take(slice(50, 51)), columns.take(slice(51, None))]

    assert same(joined(parts), columns)


def test_no_rows_are_no_rows() -> None:
    assert len(columns_of([])) == 0
    assert len(DecisionColumns.of_table(columns_of([]).to_table())) == 0


@pytest.mark.parametrize(
    ("altered", "readable"),
    [
        (lambda state: state.replace(b'"rounding":[]', b'"rounding": []'), True),
        (lambda state: state.replace(b'"harvest":[0', b'"harvest":[1', 1), True),
        (lambda state: state.replace(b'"passed":["', b'"passed":["also_', 1), True),
        (lambda state: state.replace(b'"v":1,', b' "v":1,', 1), True),
        (lambda state: state.replace(b'"leverage":', b'"leverage":x', 1), False),
        (lambda state: state.replace(b'"v":1', b'"v":9', 1), False),
        (lambda state: state[:9], False),
    ],
)
def test_a_row_in_another_writing_is_left_to_the_row_judge(
    ledger: StoredLedger, altered: Any, readable: bool
) -> None:
    rows = list(ledger.rows(topics=DECISION_TOPICS))[:3]
    position, stream, version, topic, state = rows[1]
    assert altered(state) != state

    columns = columns_of([rows[0], (position, stream, version, topic, altered(state)), rows[2]])

    assert columns.regular.tolist() == [True, False, True]
    assert columns.readable.tolist() == [True, readable, True]
    assert columns.log_position.tolist() == [rows[0][0], position, rows[2][0]]
    assert columns.symbol.codes[2] >= 0
