"""Given events, when a command, then events: how the aggregates are specified.

given(position, opened).when(lambda p: p.reduce(...)).then(PositionReduced(...))
given(position, opened, closed).when(lambda p: p.reduce(...)).then_refused("is closed")
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest

from exitbrain.domain.errors import DomainError
from exitbrain.domain.events import Aggregate, Record

A = TypeVar("A", bound=Aggregate)


def given(aggregate: A, *events: Any) -> "Given[A]":
    """Start from an aggregate to which these events happened."""
    for event in events:
        aggregate.version += 1
        aggregate.apply(event)
    return Given(aggregate)


class Given(Generic[A]):
    """An aggregate with its history."""

    def __init__(self, aggregate: A) -> None:
        self.aggregate = aggregate

    def when(self, command: Callable[[A], object]) -> "When[A]":
        """Give the command; what follows is asked with `then` or `then_refused`."""
        return When(self.aggregate, command)


class When(Generic[A]):
    """A command about to be given."""

    def __init__(self, aggregate: A, command: Callable[[A], object]) -> None:
        self._aggregate = aggregate
        self._command = command

    def then(self, *events: Any) -> A:
        """Expect exactly these events, numbered after the history, and return the aggregate."""
        before = self._aggregate.version
        self._command(self._aggregate)
        expected = [
            Record(self._aggregate.id, before + number, event) for number, event in enumerate(events, start=1)
        ]
        assert self._aggregate.collect() == expected
        assert self._aggregate.version == before + len(events)
        return self._aggregate

    def then_refused(self, message: str, error: type[DomainError] = DomainError) -> None:
        """Expect a refusal with these words, and that nothing happened."""
        before = self._aggregate.version
        with pytest.raises(error, match=message):
            self._command(self._aggregate)
        assert self._aggregate.pending == []
        assert self._aggregate.version == before
