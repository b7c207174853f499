"""What tests of publishing share."""

from itertools import count

import pytest

from exitbrain.application.live import publishing
from tests.streams_in_memory.streams import InMemoryStreams


@pytest.fixture
def look_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(publishing, "MOVE_EVERY_S", 0.0)


@pytest.fixture
def streams() -> InMemoryStreams:
    ms = count(1)
    return InMemoryStreams(lambda: next(ms))
