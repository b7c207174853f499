"""Text cells of CSV files that a spreadsheet would take for a formula and run, and how they are written so that it does not.

A single quote before the text makes it a text in Excel, LibreOffice and Google Sheets, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection). What is a number stays one, also with a sign.
"""

import re
from collections.abc import Iterable

# Behind a separator too: where a comma is the decimal point, spreadsheets split the line at other characters.
_BEGINS, _RUN = r"(?:^|(?<=[,;|\t\r\n\"]))", r"(?=[\s'\"]*[=+\-@\t\r\n＝＋－＠])"
_TO_WRITE, _WRITTEN = re.compile(_BEGINS + _RUN), re.compile(_BEGINS + "'" + _RUN)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def row(cells: Iterable[object]) -> list[object]:
    """Return the cells of a row as they may be written to a CSV file."""
    return [_cell(cell) if isinstance(cell, str) else cell for cell in cells]


def read(cell: str) -> str:
    """Return the text of a cell as it was before `row` made it one that is not run."""
    return _WRITTEN.sub("", cell)


def _cell(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else _TO_WRITE.sub("'", text)
