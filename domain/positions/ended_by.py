"""Who made a close or a reduction, told by its reason."""

import json
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

from msgspec import Struct

from exitbrain.domain.errors import SHOWN_MAX, InvalidValue

_CAPITAL_INSIDE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")

Words = tuple[str, ...]


class EndedBy(StrEnum):
    """Who made a close or a reduction.

    EXITS: a stop, target, trailing stop, break-even or time limit of the position. TRADER: a signal, a person or a
    rule of the account. VENUE: liquidation, auto-deleveraging, settlement or delisting.
    """

    EXITS = "exits"
    TRADER = "trader"
    VENUE = "venue"
    UNKNOWN = "unknown"


class ReasonTable(Struct, frozen=True, dict=True):
    """Which beginning of a reason says who made a close or a reduction.

    Reasons are compared word by word. A word is a run of letters or a run of digits, in any case; a capital after a
    small letter begins another word. So `STOP_LOSS`, `Stop loss`, `stop-loss` and `stopLoss` are the same, `tp` is the
    beginning of `TP1`, and `stop` is not the beginning of `stopped`.
    """

    rows: tuple[tuple[str, EndedBy], ...]

    def __post_init__(self) -> None:
        found: dict[Words, EndedBy] = {}
        for beginning, ended_by in self.rows:
            words = words_of(beginning)
            if not words:
                raise InvalidValue("the beginning of a reason", beginning, "a text with a letter or a digit")
            if found.setdefault(words, ended_by) is not ended_by:
                raise InvalidValue(
                    _named(beginning), ended_by.value, f"one meaning, and it is {found[words]} already"
                )

    @classmethod
    def read(cls, rows: Iterable[tuple[str, object]]) -> "ReasonTable":
        """Return the table of rows whose meanings are still texts; raises InvalidValue."""
        return cls(tuple((beginning, _meaning(beginning, word)) for beginning, word in rows))

    def of(self, reason: str) -> EndedBy | None:
        """Return who made a close or a reduction with this reason, None if no row says so.

        The row with the longest matching beginning decides. If it says EXITS but a later word is a row of its own for
        TRADER (`take profit by user`), the reason contradicts itself and no row counts. A reason without words is
        UNKNOWN.
        """
        words = words_of(reason)
        if not words:
            return EndedBy.UNKNOWN
        for end in range(min(len(words), self._longest), 0, -1):
            ended_by = self._by_words.get(words[:end])
            if ended_by is not None:
                return None if ended_by is EndedBy.EXITS and self._names_trader(words[end:]) else ended_by
        return None

    def replaced_by(self, other: "ReasonTable") -> "ReasonTable":
        """Return the rows of both tables, of the other one where both have the same beginning."""
        kept = tuple(row for row in self.rows if words_of(row[0]) not in other._by_words)
        return ReasonTable(kept + other.rows)

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 of the rows as canonical JSON; their order and spelling do not matter."""
        return sha256(json.dumps(list(self._canonical()), separators=(",", ":")).encode()).hexdigest()

    def _canonical(self) -> Iterator[tuple[str, str]]:
        for words, ended_by in sorted(self._by_words.items()):
            yield " ".join(words), ended_by.value

    def _names_trader(self, words: Words) -> bool:
        return any(self._by_words.get((word,)) is EndedBy.TRADER for word in words)

    @cached_property
    def _by_words(self) -> dict[Words, EndedBy]:
        return {words_of(beginning): ended_by for beginning, ended_by in self.rows}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_words), default=0)


def words_of(reason: str) -> Words:
    """Return the words of a reason in small letters, without what stands between them."""
    return tuple(_WORD.findall(_CAPITAL_INSIDE.sub(" ", reason).lower()))


def _meaning(beginning: str, word: object) -> EndedBy:
    for ended_by in EndedBy:
        if word == ended_by.value:
            return ended_by
    raise InvalidValue(_named(beginning), word, ", ".join(EndedBy))


def _named(beginning: str) -> str:
    return f"reason {beginning[:SHOWN_MAX]!r}"
