"""Pins: JSON files, what they are compared with, and hashes."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "pins"

HOW_TO_SEE = "compare the folders that `python -m tests.equality.renew --show FOLDER` writes here and in a checkout before"

Findings = dict[str, Any]
"""What was found, made of what JSON has; a pin is the same, read from its file."""

Groups = dict[str, list[str]]
"""Long texts by the name of what they belong to: pinned as a count and a hash, written out by `renew --show`."""


def path_of(name: str) -> Path:
    """Return the file of a pin."""
    return FOLDER / f"{name}.json"


def pinned(name: str) -> Findings:
    """Return a pin."""
    found: Findings = json.loads(path_of(name).read_text(encoding="utf-8"))
    return found


def written(findings: Findings) -> str:
    """Return the text of a pin's file."""
    return json.dumps(findings, indent=1, ensure_ascii=False) + "\n"


def hash_of(parts: Iterable[str]) -> str:
    """Return a hash over texts in their order; where one ends and the next begins counts."""
    whole = sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogateescape")
        whole.update(b"%d:" % len(content))
        whole.update(content)
    return whole.hexdigest()


def summed_up(groups: Groups) -> Findings:
    """Return the count and the hash of each group."""
    return {name: f"{len(parts)} {hash_of(parts)}" for name, parts in groups.items()}


def differences(found: Any, expected: Any, place: str = "") -> Iterator[str]:
    """Yield where findings and pin differ, one line for each place."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in {**expected, **found}:
            here = f"{place} / {key}" if place else key
            if key not in found:
                yield f"{here}: pinned, and no longer there"
            elif key not in expected:
                yield f"{here}: not pinned"
            else:
                yield from differences(found[key], expected[key], here)
        if found.keys() == expected.keys() and list(found) != list(expected):
            yield f"{place}: in another order: {list(found)}, pinned {list(expected)}"
    elif found != expected:
        yield f"{place}: {found!r}, pinned {expected!r}"


def check(name: str, found: Findings) -> None:
    """Fail where findings differ from their pin, and name each place."""
    different = list(differences(found, pinned(name)))
    assert not different, "\n".join(
        [f"{len(different)} differ from {path_of(name).name}; {HOW_TO_SEE}", *different]
    )
