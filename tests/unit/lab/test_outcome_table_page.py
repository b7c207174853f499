"""The page of the table of outcomes: it has every column, and its examples run where their library is installed."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from docs.generate import on_page_markdown

from exitbrain import LabOutcomes, OutcomeOptions
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.lab.outcome_files import outcome_files
from exitbrain.infrastructure.lab.outcome_schema import LEGS, OUTCOMES, POLICIES
from exitbrain.infrastructure.lab.table_writers import FORMATS
from tests.architecture.test_docs import DOCS, blocks
from tests.outcome_rows import LABEL, outcome_rows, policy_rows
from tests.unit.cli.every_kind import write_every_kind

PAGE = DOCS / "outcome-table.md"
FROM_PYTHON, *_READING = sorted(blocks(PAGE, "python"), key=lambda block: "from exitbrain" not in block)
EXAMPLES = {block.split()[1]: block for block in _READING}


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


def test_the_page_names_every_option_and_method_of_outcomes() -> None:
    page = PAGE.read_text(encoding="utf-8")

    methods = [name for name, item in vars(LabOutcomes).items() if not name.startswith("_")]
    assert [name for name in methods if f"`{name}" not in page] == []
    assert [name for name in OutcomeOptions.__annotations__ if f"`{name}`" not in page] == []


def test_the_example_in_python_asks_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_every_kind(tmp_path)
    assert run(["ingest", "messages.jsonl", "--store", "sqlite:///exitbrain.db"]) == 0
    capsys.readouterr()

    exec(FROM_PYTHON, {})  # noqa: S102 - the example of the page

    printed = capsys.readouterr().out.splitlines()
    assert re.match(r"22 rows; v3\.6 base_sl=0\.00\d differs by -?\d", printed[0])
    assert printed[1] == "inconclusive no_pairs in committed"
