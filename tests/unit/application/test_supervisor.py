"""The supervisor: a loop that ends is never passed over, not even at the end."""

import asyncio

from exitbrain.application.live.supervisor import Supervisor
from tests.faults.simulation import virtual_time


class Notes:
    """A journal that keeps the troubles."""

    def __init__(self) -> None:
        self.troubles: list[tuple[str, object]] = []

    def event(self, name: str, **facts: object) -> None:
        """Leave out what is normal."""

    def trouble(self, name: str, **facts: object) -> None:
        self.troubles.append((name, facts.get("loop")))


def test_an_error_in_the_last_step_is_reported() -> None:
    notes = Notes()

    async def story() -> None:
        supervisor = Supervisor(notes, transient=(OSError,))

        async def last() -> None:
            supervisor.stop()
            await asyncio.sleep(0.1)
            raise ValueError("a defect")

        supervisor.start("commit", last)
        await supervisor.watch()
        await supervisor.join(1.0)

    virtual_time.run(story())
    assert notes.troubles == [("loop_ended", "commit")]
