"""Make docs/examples/lab.ipynb from lab.py: its cells, each with what it prints. Run it as `python docs/notebook.py`."""

import io
import json
import os
import re
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

EXAMPLES = Path(__file__).parent / "examples"
PROGRAM, NOTEBOOK = EXAMPLES / "lab.py", EXAMPLES / "lab.ipynb"

_CELL = re.compile(r"^# %%(?P<markdown> \[markdown\])?\n", re.MULTILINE)


class Cell(NamedTuple):
    """A cell of the program: code, or text without the signs of comments."""

    is_code: bool
    text: str


def cells_of(program: str) -> list[Cell]:
    """Return the cells of a program, which begin with `# %%` or `# %% [markdown]`."""
    starts = list(_CELL.finditer(program))
    ends = [start.start() for start in starts[1:]] + [len(program)]
    cells = []
    for start, end in zip(starts, ends, strict=True):
        text = program[start.end() : end].strip("\n")
        if start["markdown"]:
            text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
        cells.append(Cell(not start["markdown"], text))
    return cells


def run_cells(cells: list[Cell]) -> list[str]:
    """Run the code of cells in the working folder, in one namespace; return what each printed."""
    names: dict[str, Any] = {"__name__": "lab"}
    printed = []
    for number, cell in enumerate(cells):
        with redirect_stdout(io.StringIO()) as output:
            if cell.is_code:
                exec(compile(cell.text, f"cell {number}", "exec"), names)  # noqa: S102 - our own program
        printed.append(output.getvalue())
    return printed


def notebook_of(cells: list[Cell], printed: list[str]) -> dict[str, Any]:
    """Return a notebook in the format 4.5."""
    return {
        "cells": [_cell(number, *each) for number, each in enumerate(zip(cells, printed, strict=True))],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(number: int, cell: Cell, printed: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "cell_type": "code" if cell.is_code else "markdown",
        "id": f"cell-{number}",
        "metadata": {},
        "source": cell.text.splitlines(keepends=True),
    }
    if cell.is_code:
        shown = {"name": "stdout", "output_type": "stream", "text": printed.splitlines(keepends=True)}
        made |= {"execution_count": None, "outputs": [shown] if printed else []}
    return made


def written(notebook: dict[str, Any]) -> str:
    """Return a notebook as the text of its file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Run the program in an empty folder and write the notebook."""
    cells = cells_of(PROGRAM.read_text(encoding="utf-8"))
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with TemporaryDirectory() as folder, chdir(folder):
        printed = run_cells(cells)
    NOTEBOOK.write_text(written(notebook_of(cells, printed)), encoding="utf-8")


if __name__ == "__main__":
    main()
