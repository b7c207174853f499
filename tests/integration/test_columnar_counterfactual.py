"""A counterfactual over a store in columns answers as the one by row, whatever it reads the columns from."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from exitbrain import ExitBrain
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import Selection
from exitbrain.application.whatif.decisions import RowCounterfactual
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6
from exitbrain.domain.policies.variant import variant_of
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.synthetic import START, instruments, lines
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.lab import columnar_counterfactual, sweep
from exitbrain.infrastructure.lab.columnar_counterfactual import ColumnarCounterfactual
from exitbrain.infrastructure.lab.counterfactual_lane import CounterfactualRequest, NoColumns
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages

pytestmark = pytest.mark.integration

POLICIES = (
    V3_5,
    V3_6,
    *(variant_of(V3_6, {"base_sl": stop, "liquidation_share": 0.5}) for stop in (0.0005, 0.003, 0.01)),
)


@dataclass(frozen=True, slots=True)
class Store:
    """A store of some hundred decisions, with ticks, steps and brackets."""

    path: Path
    ledger: StoredLedger

    @property
    def by_row(self) -> RowCounterfactual:
        """Return the slow clear way."""
        return RowCounterfactual(
            Policies(self.ledger), Snapshots(self.ledger), StoredDecisions(self.ledger), BuiltInFormulas()
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "instruments.json").write_text(json.dumps(instruments()), encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    settings = load_settings(store=url, instruments=str(tmp_path / "instruments.json"))
    with opened(settings, "create") as container:
        container.recorder().handle_batch(list(read_messages(lines(500), max_bytes=65_536)))
    with closing(open_ledger(url, create=False)) as ledger:
        yield Store(tmp_path / "store.db", ledger)


def test_columns_of_the_store_and_of_its_mirror_answer_as_rows_do(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar_counterfactual, "ROWS_AT_ONCE", 70)
    monkeypatch.setattr(sweep, "ROWS", 33)
    expected = store.by_row.run(POLICIES)
    mirror = Mirror.of(store.ledger, tmp_path / "mirror", span=600)
    mirror.export(store.ledger)

    assert (
        ColumnarCounterfactual(store.ledger, Policies(store.ledger), Snapshots(store.ledger)).run(POLICIES)
        == expected
    )
    assert (
        ColumnarCounterfactual(store.ledger, Policies(store.ledger), Snapshots(store.ledger), mirror).run(
            POLICIES
        )
        == expected
    )
    assert expected.answers[0].decisions > 100
    assert expected.answers[1].became_safe > 20


def test_a_selection_is_the_same_in_both_lanes(store: Store) -> None:
    for selection in (
        Selection(symbol="ETHUSDT"),
        Selection(since=START + timedelta(minutes=20), until=START + timedelta(minutes=90)),
    ):
        expected = store.by_row.run(POLICIES, selection)
        assert (
            ColumnarCounterfactual(store.ledger, Policies(store.ledger), Snapshots(store.ledger)).run(
                POLICIES, selection
            )
            == expected
        )
        assert 0 < expected.answers[0].decisions < 400


def test_what_was_changed_in_the_store_counts_and_not_what_the_mirror_holds(
    store: Store, tmp_path: Path
) -> None:
    mirror = Mirror.of(store.ledger, tmp_path / "mirror")
    mirror.export(store.ledger)
    before = store.by_row.run(POLICIES)
    with closing(sqlite3.connect(store.path)) as database, database:
        changed = database.execute(
            "UPDATE stored_events SET state = "
            "CAST(replace(CAST(state AS TEXT), '\"leverage\":20.0', '\"leverage\":21.0') AS BLOB)"
        ).rowcount
        database.execute(
            "UPDATE stored_events SET state = CAST('damaged' AS BLOB) WHERE rowid = "
            "(SELECT max(rowid) FROM stored_events WHERE topic = 'exitbrain.LevelsComputed')"
        )
        database.execute(
            "UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), '\"guards\":', '\"guards\":x') AS BLOB) "
            "WHERE rowid = (SELECT min(rowid) FROM stored_events WHERE topic = 'exitbrain.LevelsComputed')"
        )
    assert changed

    expected = store.by_row.run(POLICIES)
    found = ColumnarCounterfactual(store.ledger, Policies(store.ledger), Snapshots(store.ledger), mirror).run(
        POLICIES
    )

    assert found == expected != before
    assert found.left_out.unreadable == 2


def test_progress_tells_every_answer_and_ends_at_the_last_decision(store: Store) -> None:
    told: list[tuple[int, int]] = []

    found = ColumnarCounterfactual(store.ledger, Policies(store.ledger), Snapshots(store.ledger)).run(
        POLICIES, progress=lambda position, answers: told.append((position, answers))
    )

    assert told[-1][1] == len(POLICIES) * found.answers[0].decisions
    assert [position for position, _ in told] == sorted(position for position, _ in told)
    assert 0 < told[-1][0] <= store.ledger.head()


def test_the_facade_answers_in_the_order_of_the_variants(store: Store) -> None:
    with ExitBrain.open(f"sqlite:///{store.path}") as brain:
        found = brain.whatif(V3_6, {}, {"base_sl": 0.01})
        again = brain.whatif("v3.5")

    assert [answer.policy.name for answer in found.answers] == ["v3.6", "v3.6 base_sl=0.01"]
    assert found == store.by_row.run([V3_6, variant_of(V3_6, {"base_sl": 0.01})])
    assert again.answers[0].changed == 0


def test_columns_are_for_built_in_formulas_alone(store: Store) -> None:
    class NotOurs:
        compute = BuiltInFormulas().compute

    decisions = StoredDecisions(store.ledger)
    with pytest.raises(NoColumns, match="not this engine"):
        CounterfactualRequest(
            store.ledger, Policies(store.ledger), Snapshots(store.ledger), decisions, NotOurs()
        ).run([V3_6], lane="columnar")
    assert (
        CounterfactualRequest(
            store.ledger, Policies(store.ledger), Snapshots(store.ledger), decisions, NotOurs()
        )
        .run([V3_6])
        .lane
        == "row"
    )
