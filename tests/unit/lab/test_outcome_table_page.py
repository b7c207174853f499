"""The page of the table of outcomes: it has every column, and its examples run where their library is installed."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from docs.generate import on_page_markdown

from exitbrain.infrastructure.lab.outcome_files import outcome_files
from exitbrain.infrastructure.lab.outcome_schema import LEGS, OUTCOMES, POLICIES
from exitbrain.infrastructure.lab.table_writers import FORMATS
from tests.architecture.test_docs import DOCS, blocks
from tests.outcome_rows import LABEL, outcome_rows, policy_rows

PAGE = DOCS / "outcome-table.md"
EXAMPLES = {block.split()[1]: block for block in blocks(PAGE, "python")}


def test_the_page_has_every_column_with_type_unit_and_meaning() -> None:
    page = on_page_markdown(PAGE.read_text(encoding="utf-8"))

    for column in (*OUTCOMES, *POLICIES, *LEGS):
        assert column.meaning
        assert f"| `{column.name}` | {column.kind} | {column.unit} | {column.meaning} |\n" in f"{page}\n"


def test_the_page_names_every_ending() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [ending for ending in FORMATS if f"| `run{ending}` |" not in page] == []


def test_there_is_an_example_for_each_library() -> None:
    assert list(EXAMPLES) == ["pandas", "polars", "duckdb"]


@pytest.mark.parametrize("library", EXAMPLES)
def test_an_example_prints_the_totals_of_the_policies(library: str, tmp_path: Path) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed; the product does not need it")
    rows = list(outcome_rows(20))
    for name in ("run.parquet", "run"):
        with outcome_files(f"{tmp_path}/{name}", LABEL, policy_rows()) as table:
            table.take(rows)

    ran = subprocess.run(
        [sys.executable, "-c", EXAMPLES[library]], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    printed = [float(number) for number in re.findall(r"-?\d+\.\d+", ran.stdout)]
    totals = dict.fromkeys((-1, 0, 1, 2), 0.0)
    for row in rows:
        if row.walk is not None and row.walk.pessimistic.committed is not None:
            totals[row.policy] += row.walk.pessimistic.committed.net
    assert sorted(printed) == pytest.approx(sorted(totals.values()), abs=1e-5)
