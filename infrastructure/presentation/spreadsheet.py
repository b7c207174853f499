"""Write text cells of CSV files so that a spreadsheet does not run them as formulas.

A leading single quote makes it text in Excel, LibreOffice and Google Sheets, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection). A number stays a number, also with a sign.
"""

import re
from collections.abc import Iterable

# After a separator too: where the comma is the decimal point, spreadsheets split lines at other characters.
_BEGINS, _RUN = r"(?:^|(?<=[,;|\t\r\n\"]))", r"(?=[\s'\"]*[=+\-@\t\r\n＝＋－＠])"
_TO_WRITE, _WRITTEN = re.compile(_BEGINS + _RUN), re.compile(_BEGINS + "'" + _RUN)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def row(cells: Iterable[object]) -> list[object]:
    """Return the cells of a row, safe to write to a CSV file."""
    return [_cell(cell) if isinstance(cell, str) else cell for cell in cells]


def read(cell: str) -> str:
    """Return the original text of a cell that `row` has made safe."""
    return _WRITTEN.sub("", cell)


def _cell(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else _TO_WRITE.sub("'", text)
