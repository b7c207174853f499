"""Write the table of outcomes with its policies and legs, row by row as they come, to files or into memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import pyarrow as pa

from exitbrain.application.whatif.outcomes import LeftOutPosition, PositionOutcome
from exitbrain.application.whatif.results import Question, Take
from exitbrain.application.whatif.rows import LegRow, OutcomeRow, PolicyRow, TableLabel
from exitbrain.application.whatif.table_rows import legs_of_outcome, rows_of
from exitbrain.infrastructure.lab.outcome_batches import ROWS_AT_ONCE, outcome_batch, plain_batch
from exitbrain.infrastructure.lab.outcome_schema import schema_of
from exitbrain.infrastructure.lab.table_writers import Write, new_tables

ROWS_OF_GROUP = 8 * ROWS_AT_ONCE
"""The most rows of a row group, and of a file in a folder: some tens of megabytes."""

Row = TypeVar("Row")


class OutcomeTable:
    """Takes rows and legs, and writes them in groups."""

    def __init__(self, outcomes: "_Groups[OutcomeRow]", legs: "_Groups[LegRow] | None") -> None:
        self._outcomes = outcomes
        self._legs = legs

    def take(self, rows: Sequence[OutcomeRow], legs: Sequence[LegRow] = ()) -> None:
        """Add rows, and their legs if the table has legs. Raises NotWritten."""
        self._outcomes.add(rows)
        if self._legs is not None:
            self._legs.add(legs)

    def answers(self, question: Question) -> Take:
        """Return what takes the positions of a question as they are walked."""

        def take(outcome: PositionOutcome | None, left_out: LeftOutPosition | None) -> None:
            has_legs = self._legs is not None
            legs = [] if outcome is None or not has_legs else list(legs_of_outcome(outcome))
            self.take(rows_of(outcome, left_out, question), legs)

        return take


@contextmanager
def outcome_files(
    name: str,
    label: TableLabel,
    policies: Sequence[PolicyRow],
    *,
    columns: Sequence[str] | None = None,
    legs: bool = False,
) -> Iterator[OutcomeTable]:
    """Yield a table to fill; its files appear together when the block ends, and none after an error.

    `columns` picks columns of the outcomes. Raises NotWritten, and InvalidValue for a path that exists or has another
    ending.
    """
    schemas = _schemas(label, columns, legs=legs)
    with (
        new_tables(name, schemas, "outcomes") as writes,
        _filled(schemas, writes, policies) as table,
    ):
        yield table


@contextmanager
def outcomes_in_memory(
    label: TableLabel, policies: Sequence[PolicyRow]
) -> Iterator[tuple[OutcomeTable, dict[str, pa.Table]]]:
    """Yield a table to fill, and what holds all three tables by name when the block ends."""
    schemas = _schemas(label, None, legs=True)
    parts: dict[str, list[pa.Table]] = {table: [] for table in schemas}
    tables: dict[str, pa.Table] = {}
    with _filled(schemas, {table: parts[table].append for table in schemas}, policies) as filled:
        yield filled, tables
    tables.update({table: pa.concat_tables(parts[table]) for table in schemas})


def _schemas(label: TableLabel, columns: Sequence[str] | None, *, legs: bool) -> dict[str, pa.Schema]:
    """Return the schemas of the tables; the outcomes come last, so that where they lie, the others lie too."""
    schemas = {"policies": schema_of("policies", label)}
    if legs:
        schemas["legs"] = schema_of("legs", label)
    schemas["outcomes"] = schema_of("outcomes", label, columns)
    return schemas


@contextmanager
def _filled(
    schemas: Mapping[str, pa.Schema], writes: Mapping[str, Write], policies: Sequence[PolicyRow]
) -> Iterator[OutcomeTable]:
    of_policies = _Groups[PolicyRow](plain_batch, schemas["policies"], writes["policies"])
    of_policies.add(policies)
    of_policies.finish()
    outcomes = _Groups[OutcomeRow](outcome_batch, schemas["outcomes"], writes["outcomes"])
    legs = _Groups[LegRow](plain_batch, schemas["legs"], writes["legs"]) if "legs" in schemas else None
    yield OutcomeTable(outcomes, legs)
    outcomes.finish()
    if legs is not None:
        legs.finish()


class _Groups(Generic[Row]):
    """Turns rows into batches, and writes batches in groups."""

    def __init__(
        self, batch_of: Callable[[Sequence[Row], pa.Schema], pa.RecordBatch], schema: pa.Schema, write: Write
    ) -> None:
        self._batch_of = batch_of
        self._schema = schema
        self._write = write
        self._rows: list[Row] = []
        self._batches: list[pa.RecordBatch] = []
        self._written = False

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows, and write the groups that they fill."""
        self._rows += rows
        while len(self._rows) >= ROWS_AT_ONCE:
            self._convert()

    def finish(self) -> None:
        """Write what is left, and an empty group if there was no row."""
        if self._rows:
            self._convert()
        if self._batches or not self._written:
            self._write_group()

    def _convert(self) -> None:
        self._batches.append(self._batch_of(self._rows[:ROWS_AT_ONCE], self._schema))
        del self._rows[:ROWS_AT_ONCE]
        if len(self._batches) * ROWS_AT_ONCE >= ROWS_OF_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        self._write(pa.Table.from_batches(self._batches, self._schema))
        self._batches.clear()
        self._written = True
