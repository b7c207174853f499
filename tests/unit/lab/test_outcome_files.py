"""The table of outcomes: read back it is what was written, bit for bit, in every format; bad paths are refused."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from stat import S_IMODE
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from exitbrain.application.whatif.rows import LegRow, OutcomeRow
from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.files.written import NotWritten
from exitbrain.infrastructure.lab.outcome_batches import outcome_batch, plain_batch
from exitbrain.infrastructure.lab.outcome_files import ROWS_OF_GROUP, OutcomeTable, outcome_files
from exitbrain.infrastructure.lab.outcome_schema import (
    LEGS,
    OUTCOMES,
    POLICIES,
    outcome_columns,
    schema_of,
)
from exitbrain.infrastructure.presentation import spreadsheet
from tests.attacks.test_files_written import at_most
from tests.outcome_rows import LABEL, NOON_MS, leg_rows, outcome_rows, policy_rows

FORMATS = ("run.parquet", "run.arrow", "run.csv", "run")
FILES = FORMATS[:3]
ROWS, LEG_ROWS = list(outcome_rows(30)), list(leg_rows(30))


def written(
    name: str | Path, rows: Sequence[OutcomeRow] = ROWS, legs: Sequence[LegRow] = LEG_ROWS, **given: Any
) -> Path:
    with outcome_files(str(name), LABEL, policy_rows(), legs=True, **given) as table:
        for start in range(0, len(rows), 7):
            table.take(rows[start : start + 7])
        table.take([], legs)
    return Path(name)


def fill(files: AbstractContextManager[OutcomeTable], rows: Iterator[OutcomeRow]) -> None:
    with files as table:
        for row in rows:
            table.take([row])


def read(path: Path, table: str, schema: pa.Schema) -> pa.Table:
    """Return a table of a run as a user reads it; a CSV file has no types, so they come from the schema."""
    if not path.suffix:
        return ds.dataset(path / table).to_table()
    file = path if table == "outcomes" else path.with_suffix(f".{table}{path.suffix}")
    if path.suffix == ".parquet":
        return pq.read_table(file)
    if path.suffix == ".arrow":
        with pa.memory_map(str(file)) as source:
            return pa.ipc.open_file(source).read_all()
    types = {field.name: pa.string() if pa.types.is_string(field.type) else field.type for field in schema}
    options = pa_csv.ConvertOptions(
        column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parsing = pa_csv.ParseOptions(newlines_in_values=True)
    return unguarded(pa_csv.read_csv(file, parse_options=parsing, convert_options=options))


def unguarded(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            texts = [
                None if text is None else spreadsheet.read(text) for text in table[field.name].to_pylist()
            ]
            table = table.set_column(place, field, pa.array(texts, pa.string()))
    return table


def bits(table: pa.Table) -> dict[str, list[Any]]:
    """Return the columns with every double as its bytes, which tell -0.0 from 0.0."""
    return {
        name: [value.hex() if isinstance(value, float) else value for value in table[name].to_pylist()]
        for name in table.column_names
    }


def expected(table: str) -> pa.Table:
    schema = schema_of(table, LABEL)
    batch = {
        "outcomes": lambda: outcome_batch(ROWS, schema),
        "policies": lambda: plain_batch(policy_rows(), schema),
        "legs": lambda: plain_batch(LEG_ROWS, schema),
    }
    return pa.Table.from_batches([batch[table]()])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("table", ["outcomes", "policies", "legs"])
def test_a_table_read_back_is_what_was_written_to_the_bit(tmp_path: Path, name: str, table: str) -> None:
    schema = schema_of(table, LABEL)

    found = read(written(tmp_path / name), table, schema)

    assert found.schema.names == schema.names
    assert found.schema.types == schema.types
    assert bits(found) == bits(expected(table))


def test_every_field_of_a_row_is_in_the_column_of_its_name() -> None:
    schema = schema_of("outcomes", LABEL)
    row = next(row for row in ROWS if row.policy == 1 and row.walk is not None and row.walk.ambiguous)
    (found,) = outcome_batch([row], schema).to_pylist()
    assert row.walk is not None
    position, walk = row.position, row.walk
    checked = set()

    def check(name: str, value: Any) -> None:
        checked.add(name)
        assert found[name] == value, name

    for name in ("position_id", "symbol", "account", "side", "leverage", "quantity", "quote_currency"):
        check(name, getattr(position, name))
    for name in ("entry_price", "close_reason", "ended_by", "close_price", "first_notional", "committed"):
        check(name, getattr(position, name))
    check("at_risk", position.at_risk)
    check("opened_at", pd.Timestamp(position.opened_at_ms, unit="ms", tz="UTC"))
    check("closed_at", pd.Timestamp(position.closed_at_ms, unit="ms", tz="UTC"))
    check("day", pd.Timestamp(NOON_MS, unit="ms").date())
    for name in ("policy", "counted", "left_out", "left_out_detail"):
        check(name, getattr(row, name))
    for name in ("ambiguous", "holes", "entry_off_market", "went_on", "added_after_exit"):
        check(name, getattr(walk, name))
    check("failed_guards", " ".join(walk.failed_guards))
    for bound in ("pessimistic", "optimistic"):
        of_bound = getattr(walk, bound)
        for unit in ("first", "committed", "quote", "r"):
            for amount in ("gross", "fees", "slippage", "funding", "net"):
                check(f"{amount}_{unit}_{bound}", getattr(getattr(of_bound, unit), amount))
        for name in ("net_r_own", "end_level", "time_in_trade_ms", "targets_hit"):
            check(f"{name}_{bound}", getattr(of_bound, name))
        check(f"end_at_{bound}", pd.Timestamp(of_bound.end_at_ms, unit="ms", tz="UTC"))
        for name in ("mfe", "mae", "give_back"):
            interval = getattr(of_bound, name)
            for end in ("lower", "upper"):
                check(f"{name}_{bound}_{end}", interval and getattr(interval, end))
    for unit in ("first", "committed", "quote", "r"):
        for end in ("lower", "upper"):
            check(f"difference_{unit}_{end}", getattr(getattr(walk.difference, unit), end))
    assert checked == set(schema.names)


def test_a_position_that_is_left_out_is_a_row_for_each_policy_with_its_reason(tmp_path: Path) -> None:
    table = pq.read_table(written(tmp_path / "run.parquet"))
    left = [row for row in table.to_pylist() if row["left_out"]]

    assert [row["policy"] for row in left[:4]] == [-1, 0, 1, 2]
    assert {row["position_id"] for row in left[:4]} == {left[0]["position_id"]}
    assert left[0]["left_out_detail"].startswith("no candles of ")
    walked = [column.name for column in OUTCOMES[OUTCOMES.index(_column("ambiguous")) :]]
    assert {left[0][name] for name in walked} == {None}


def _column(name: str) -> Any:
    return next(column for column in OUTCOMES if column.name == name)


@pytest.mark.parametrize("name", ["run.parquet", "run.arrow", "run"])
def test_a_file_says_its_format_run_units_and_meanings(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    for table, columns in (("outcomes", OUTCOMES), ("policies", POLICIES), ("legs", LEGS)):
        schema = read(path, table, schema_of(table, LABEL)).schema

        about = {key.decode(): value.decode() for key, value in schema.metadata.items()}
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", about.pop("exitbrain.version"))
        assert about == {
            "exitbrain.format": "1",
            "exitbrain.table": table,
            "exitbrain.judged_unit": "committed",
            "exitbrain.baseline": "as recorded",
            "exitbrain.reasons": "ab12",
        }
        for field, column in zip(schema, columns, strict=True):
            assert (field.name, field.type) == (column.name, column.kind)
            assert field.metadata[b"meaning"].decode() == column.meaning
            assert field.metadata[b"unit"].decode() == column.unit


def test_rows_beyond_a_batch_and_a_group_are_all_there_in_order(tmp_path: Path) -> None:
    names = ("position_id", "policy", "net_first_pessimistic")
    some = list(outcome_rows(10, candidates=500))
    rows = some * (ROWS_OF_GROUP // len(some) + 2)

    written(tmp_path / "run", rows, columns=names)

    parts = sorted((tmp_path / "run" / "outcomes").iterdir())
    assert [part.name for part in parts] == ["part-000000.parquet", "part-000001.parquet"]
    assert pq.read_metadata(parts[0]).num_rows == ROWS_OF_GROUP
    schema = schema_of("outcomes", LABEL, names)
    batch = pa.Table.from_batches([outcome_batch(some, schema)])
    assert ds.dataset(parts).to_table().equals(pa.concat_tables([batch] * (len(rows) // len(some))))


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    for name in FORMATS:
        schema = schema_of("outcomes", LABEL)
        found = read(written(tmp_path / name, [], []), "outcomes", schema)
        assert (found.num_rows, found.schema.names) == (0, schema.names)


def test_picked_columns_come_in_the_order_asked(tmp_path: Path) -> None:
    picked = outcome_columns("net_committed_pessimistic, symbol")
    for name in FORMATS:
        found = read(
            written(tmp_path / name, columns=picked), "outcomes", schema_of("outcomes", LABEL, picked)
        )
        assert found.column_names == ["net_committed_pessimistic", "symbol"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("policy,net_comitted_pessimistic", "such as net_committed_pessimistic, "),
        ("policy,zzzz", "such as position_id, policy, "),
        ("", "columns is ''; allowed: columns of the table of outcomes"),
        ("policy,day,policy", "columns is 'policy'; allowed: each column once"),
    ],
)
def test_a_column_that_does_not_exist_is_answered_with_the_nearest(names: str, said: str) -> None:
    with pytest.raises(InvalidValue, match=re.escape(said)):
        outcome_columns(names)


@pytest.mark.parametrize("name", FILES)
def test_the_files_of_a_run_are_named_after_it_and_are_their_owners_alone(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)

    files = {file.name: S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    ending = path.suffix
    assert files == dict.fromkeys([f"run{ending}", f"run.policies{ending}", f"run.legs{ending}"], 0o600)


def test_a_folder_holds_one_folder_for_each_table_for_its_owner_alone(tmp_path: Path) -> None:
    written(f"{tmp_path}/run.of.may/")

    modes = {str(path.relative_to(tmp_path)): S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    part = "part-000000.parquet"
    tables = [f"run.of.may/{table}" for table in ("outcomes", "policies", "legs")]
    assert modes == {
        "run.of.may": 0o700,
        **dict.fromkeys(tables, 0o700),
        **dict.fromkeys([f"{table}/{part}" for table in tables], 0o600),
    }


def test_legs_are_written_only_when_asked_for(tmp_path: Path) -> None:
    with outcome_files(f"{tmp_path}/run.csv", LABEL, policy_rows()) as table:
        table.take(ROWS[:3], LEG_ROWS)

    assert {file.name for file in tmp_path.iterdir()} == {"run.csv", "run.policies.csv"}


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("run.csv", "run.csv"),
        ("run.parquet", "run.policies.parquet"),
        ("run.arrow", "run.legs.arrow"),
        ("run", "run"),
    ],
)
def test_a_path_that_exists_is_refused_and_left(tmp_path: Path, name: str, there: str) -> None:
    (tmp_path / there).write_text("mine", encoding="utf-8")

    with pytest.raises(
        InvalidValue, match=rf"^table is '.*{name}'; allowed: a new path, but .*{there} exists$"
    ):
        written(tmp_path / name)

    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [(there, "mine")]


def test_an_empty_folder_and_a_link_to_nothing_exist(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run.csv").symlink_to(tmp_path / "nothing")

    for name in ("run", "run.csv"):
        with pytest.raises(InvalidValue, match="exists"):
            written(tmp_path / name)


@pytest.mark.parametrize("name", ["run.xlsx", "run.csv.gz", "run.2026"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    allowed = r"a file name that ends in \.parquet, \.arrow, \.csv, or a folder without an ending$"
    with pytest.raises(InvalidValue, match=allowed):
        written(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [64, 20_000])
@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_names_the_path_and_leaves_nothing(tmp_path: Path, name: str, size: int) -> None:
    with at_most(size), pytest.raises(NotWritten, match=rf"/{name}|/run\.\w+\..* cannot be written: "):
        written(tmp_path / name)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_that_fails_leaves_nothing(tmp_path: Path, name: str) -> None:
    def failing() -> Iterator[OutcomeRow]:
        yield from ROWS
        raise InvalidValue("seed", -1, "0 or more")

    table = outcome_files(f"{tmp_path}/{name}", LABEL, policy_rows())
    with pytest.raises(InvalidValue, match="seed"):
        fill(table, failing())

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotWritten, match=r"missing.* cannot be written: No such file or directory"):
        written(tmp_path / "missing" / name)


def test_what_a_killed_run_left_of_a_folder_is_swept(tmp_path: Path) -> None:
    left, mine = tmp_path / f".exitbrain-{'0' * 32}.unfinished-folder", tmp_path / "notes.unfinished-folder"
    for folder in (left, mine):
        folder.mkdir()
        (folder / "part").write_text("half", encoding="utf-8")

    written(tmp_path / "run")

    assert {path.name for path in tmp_path.iterdir()} == {"run", mine.name}


def test_a_folder_that_is_being_written_is_not_swept(tmp_path: Path) -> None:
    with outcome_files(f"{tmp_path}/first", LABEL, policy_rows()) as table:
        table.take(ROWS)
        written(tmp_path / "second")

    assert ds.dataset(tmp_path / "first" / "outcomes").count_rows() == len(ROWS)


def test_no_text_of_a_csv_file_is_run_by_a_spreadsheet(tmp_path: Path) -> None:
    path = written(tmp_path / "run.csv")
    with path.open(encoding="utf-8", newline="") as file:
        cells = {cell for row in csv.reader(file) for cell in row}

    assert {"'=1+1USDT", "'-1 target\nreached", 'say "out", now'} <= cells
    assert "=1+1USDT" not in cells


def test_pandas_reads_the_doubles_of_a_csv_file_to_the_bit(tmp_path: Path) -> None:
    frame = pd.read_csv(written(tmp_path / "run.csv"))

    for name in ("net_committed_pessimistic", "difference_quote_upper", "fees_first_optimistic"):
        found = [None if pd.isna(value) else float(value).hex() for value in frame[name]]
        assert found == bits(expected("outcomes"))[name]
