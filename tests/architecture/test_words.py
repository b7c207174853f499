"""Words and phrases that a reader has to read twice, checked like spelling."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, product

PLAIN = {
    r"can not": "cannot",
    r"for ever": "forever",
    r"might have been": "may have been, or the fact itself",
    r"nobody interferes": "no other writer interferes",
    r"of normal life": "routine",
    r"nobody'?s fault": "an error in our own code",
    r"in vain": "without result",
    r"in no number": "left out of the figures",
    r"what (?:came|comes) of": "the result of",
    r"would be another": "would change",
    r"to be others": "to change",
    r"had it been": "if it had been",
    r"the cure": "v3.6",
    r"an old one a demand": "an existing store must already use it",
    r"tells? no time": "has no time",
    r"(?:that|which|what) is (?-i:none)": "that is not one, or is invalid",
    r"whoever it may be": "any",
    r"by and by": "gradually",
    r"as it were": "leave it out",
    r"utili[sz]e": "use",
    r"in order to": "to",
    r"thereof|whence|hence|hitherto|heretofore": "the plain word",
}
"""A phrase as a regular expression, and what to write."""

PINNED: dict[str, dict[str, str]] = {
    "infrastructure/wire/reading.py": {"can not": "the reason of an assumption, which is stored"},
    "application/engine_answer.py": {"can not": "the answer of an engine as a stored refusal shows it"},
    "docs/cli.md": {"can not": "the meaning of an exit code, which is pinned"},
    "docs/operations.md": {"can not": "the meaning of the same exit code"},
}
"""Files that may keep a phrase, each with the phrases and the reason: stored bytes, names and pinned text."""

_JOINED = re.compile(r"""["']\s*\n\s*[frb]*["']|\s*\n\s*(?:#|>|\|)?\s*""")


def pages() -> list[Path]:
    """Return the files whose text people read, the history of changes aside: what was said then stays."""
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.yml")]
    schemas = (ROOT / "infrastructure" / "wire" / "schemas").glob("*.json")
    found = {*texts, *schemas, *product().values()} - {ROOT / "CHANGELOG.md"}
    return sorted(file for file in found if not file.is_symlink())


def stiff_in(text: str) -> set[str]:
    """Return the phrases of the list that a text contains, also across the ends of lines."""
    joined = _JOINED.sub(lambda found: "" if found[0][0] in "\"'" else " ", text)
    return {phrase for phrase in PLAIN if re.search(rf"\b(?:{phrase})\b", joined, re.IGNORECASE)}


def test_texts_are_plain() -> None:
    found = defaultdict(set)
    for file in pages():
        name = str(file.relative_to(ROOT))
        for phrase in stiff_in(file.read_text(encoding="utf-8")) - PINNED.get(name, {}).keys():
            found[phrase].add(name)

    assert found == {}


def test_a_pinned_phrase_is_still_there() -> None:
    for name, phrases in PINNED.items():
        assert stiff_in((ROOT / name).read_text(encoding="utf-8")) >= phrases.keys(), name


@pytest.mark.parametrize(
    "text",
    [
        "A file that can not be read.",
        "# what can\n    # not be read",
        'f"it can "\n    f"not be read"',
        "Cannot? Can not!",
    ],
)
def test_a_stiff_phrase_is_noticed(text: str) -> None:
    assert stiff_in(text) == {"can not"}


def test_a_plain_text_passes() -> None:
    assert stiff_in("A file that cannot be read, for every reader; what is None stays.") == set()
