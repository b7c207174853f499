"""The notebook of the laboratory runs from start to end, and shows what its program prints."""

import json
import os
import sys
from pathlib import Path

import pytest
from docs.notebook import NOTEBOOK, PROGRAM, Cell, cells_of, notebook_of, run_cells


@pytest.mark.timeout(60)
def test_the_notebook_is_its_program_with_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    cells = cells_of(PROGRAM.read_text(encoding="utf-8"))

    notebook = notebook_of(cells, run_cells(cells))

    assert notebook == json.loads(NOTEBOOK.read_text(encoding="utf-8")), "renew it: python docs/notebook.py"
    shown = "".join(
        line for cell in notebook["cells"] for out in cell.get("outputs", []) for line in out["text"]
    )
    assert "walk forward: adopt better in committed" in shown
    assert str(tmp_path) not in shown


def test_the_cells_of_a_program_are_code_and_text() -> None:
    program = "# %% [markdown]\n# # Title\n#\n# text\n\n# %%\nprint(1)\n\n# %%\nprint(2)\n"

    cells = cells_of(program)

    assert cells == [Cell(False, "# Title\n\ntext"), Cell(True, "print(1)"), Cell(True, "print(2)")]
    assert run_cells(cells) == ["", "1\n", "2\n"]
