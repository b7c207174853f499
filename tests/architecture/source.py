"""The project's own source, as the architecture tests read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("domain", "application", "infrastructure")


def python_files(folder: str) -> list[Path]:
    """Return every Python file below a folder of the project, in a fixed order."""
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def product() -> dict[str, Path]:
    """Return the file of every module of the product, by the dotted name of the module."""
    package = ROOT / "src" / "exitbrain"
    own = {file.relative_to(package): file for file in package.glob("*.py")}
    layers = {file.relative_to(ROOT): file for layer in LAYERS for file in python_files(layer)}
    return {dotted(place): file for place, file in (own | layers).items()}


def dotted(place: Path) -> str:
    """Return the name of the module at a place below `src/exitbrain`."""
    parts = place.with_suffix("").parts
    return ".".join(("exitbrain", *(parts[:-1] if parts[-1] == "__init__" else parts)))


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
