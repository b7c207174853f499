"""Where the parts of a large task are worked on: a pure function of a part and the task, results in order of the parts.

The result of a whole is merged from those of its parts in their order, so it is the same bits wherever and by however
many they were worked on, and a part that was lost is worked on again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from exitbrain.domain.errors import ExitBrainError

Part = TypeVar("Part")
Task = TypeVar("Task")
Result = TypeVar("Result")


class ClusterUnavailable(ExitBrainError):
    """A cluster cannot be reached, has nobody to work, or did not finish; the message says which and why."""


class ParallelMap(Protocol):
    """Work on parts, somewhere."""

    def map(
        self, function: Callable[[Part, Task], Result], parts: Sequence[Part], task: Task
    ) -> Iterator[Result]:
        """Yield `function(part, task)` for each part, in the order of the parts.

        Raises what the function raises, and ClusterUnavailable.
        """
