"""Spread the parts of a large task over workers: a pure function of part and task, with results in order.

The parts' results are merged in order, so the whole has the same bits whatever the number and place of the
workers, and a lost part is computed again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from exitbrain.domain.errors import ExitBrainError

Part = TypeVar("Part")
Task = TypeVar("Task")
Result = TypeVar("Result")


class ClusterUnavailable(ExitBrainError):
    """A cluster cannot be reached, has no workers, or did not finish; the message says which and why."""


class ParallelMap(Protocol):
    """Map a function over parts in parallel."""

    def map(
        self, function: Callable[[Part, Task], Result], parts: Sequence[Part], task: Task
    ) -> Iterator[Result]:
        """Yield `function(part, task)` for each part, in the order of the parts.

        Raises what the function raises, and ClusterUnavailable.
        """
