"""The first event of a store: which format it is written in."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

FORMAT = 1
"""The newest store format this version reads and writes; any new event or class version raises it."""


@dataclass(frozen=True, slots=True)
class StoreOpened:
    """A store was begun. A store of a newer format is refused, untouched."""

    TOPIC: ClassVar[str] = "exitbrain.StoreOpened"

    format: int
    version: str
    at: datetime
