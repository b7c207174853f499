"""The project's own source, as the architecture tests read it."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("domain", "application", "infrastructure")


def python_files(folder: str) -> list[Path]:
    """Return every Python file below a folder of the project, in a fixed order."""
    return sorted((ROOT / folder).rglob("*.py"))


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything that the source imports, wherever it does so.

    `from a import b` yields `a.b`, since `b` may be a module.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, "." * node.level + ".".join(filter(None, [node.module, alias.name]))
