"""The closed algebra for writing formulas, and its float interpreter.

A formula uses `+ - * /`, comparisons, and the operations of `Algebra`, in written order. It contains no `if`:
both arms of `where` are evaluated and finite. So Python floats, NumPy arrays and the traced numbers of
`tracing` all compute the same 64 bits.
"""

from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from msgspec import Struct


class Number(Protocol):
    """The operations a formula may apply to a number. Floats, arrays and traced numbers all support them."""

    def __add__(self, other: Any, /) -> Any: ...
    def __radd__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...
    def __rsub__(self, other: Any, /) -> Any: ...
    def __mul__(self, other: Any, /) -> Any: ...
    def __rmul__(self, other: Any, /) -> Any: ...
    def __truediv__(self, other: Any, /) -> Any: ...
    def __rtruediv__(self, other: Any, /) -> Any: ...
    def __lt__(self, other: Any, /) -> Any: ...
    def __le__(self, other: Any, /) -> Any: ...
    def __gt__(self, other: Any, /) -> Any: ...
    def __ge__(self, other: Any, /) -> Any: ...


N = TypeVar("N", bound=Number)


class Algebra(Protocol):
    """The operations beyond arithmetic that a formula may use."""

    def ln(self, x: Any) -> Any:
        """Return the correctly rounded natural logarithm."""

    def where(self, condition: Any, then: Any, otherwise: Any) -> Any:
        """Return `then` where the condition holds, else `otherwise`."""

    def step(self, name: str, value: Any) -> Any:
        """Name the value in the derivation and return it unchanged."""

    def at_least(self, level: str, constraint: str, value: Any, limit: Any) -> Any:
        """Return `where(limit > value, limit, value)`; if the limit wins, the constraint binds the level."""

    def at_most(self, level: str, constraint: str, value: Any, limit: Any) -> Any:
        """Return `where(limit < value, limit, value)`; if the limit wins, the constraint binds the level."""

    def mark(self, level: str, constraint: str, condition: Any, value: Any) -> Any:
        """Note the constraint on the level if the condition holds, and return the value unchanged."""


def maximum(a: Algebra, x: Any, y: Any) -> Any:
    """Return the larger value, the first on a tie (Python and NumPy disagree on -0.0; this does not)."""
    return a.where(y > x, y, x)


def minimum(a: Algebra, x: Any, y: Any) -> Any:
    """Return the smaller value, the first on a tie."""
    return a.where(y < x, y, x)


_LN_CONTEXT = Context(prec=50)


@lru_cache(maxsize=65536)
def ln(x: float) -> float:
    """Return the double nearest to the natural logarithm of the double x > 0, the same on every machine."""
    return float(Decimal(x).ln(_LN_CONTEXT))


class Bound(Struct, frozen=True):
    """A constraint that changed a number: the level, the constraint, and the number before and after."""

    level: str
    constraint: str
    before: float
    after: float


class FloatAlgebra:
    """Interpret a formula with Python floats; `bounds` lists the constraints that bound, in order."""

    __slots__ = ("bounds",)

    def __init__(self) -> None:
        self.bounds: list[Bound] = []

    def ln(self, x: float) -> float:
        return ln(x)

    def where(self, condition: bool, then: float, otherwise: float) -> float:
        return then if condition else otherwise

    def step(self, name: str, value: float) -> float:
        return value

    def at_least(self, level: str, constraint: str, value: float, limit: float) -> float:
        if limit > value:
            self.bounds.append(Bound(level, constraint, value, limit))
            return limit
        return value

    def at_most(self, level: str, constraint: str, value: float, limit: float) -> float:
        if limit < value:
            self.bounds.append(Bound(level, constraint, value, limit))
            return limit
        return value

    def mark(self, level: str, constraint: str, condition: bool, value: float) -> float:
        if condition:
            self.bounds.append(Bound(level, constraint, value, value))
        return value
