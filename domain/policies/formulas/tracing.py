"""The tracing interpreter: it computes the same numbers as floats and records how each was computed.

The derivation is a list of named assignments in the notation of the formula. Each line uses only lines above
it, and evaluating the lines gives the same 64 bits.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from exitbrain.domain.algebra import Bound, ln

_SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
LEAVES = ("input", "parameter")
_PRECEDENCE = {"lt": 1, "le": 1, "gt": 1, "ge": 1, "add": 2, "sub": 2, "mul": 3, "div": 3}


class Traced:
    """A number or the result of a comparison, with the operation and operands that produced it."""

    __slots__ = ("args", "name", "op", "value")

    def __init__(self, value: Any, op: str, args: tuple["Traced", ...] = (), name: str = "") -> None:
        self.value = value
        self.op = op
        self.args = args
        self.name = name

    def _with(self, op: str, value: Any, other: Any, *, swapped: bool = False) -> "Traced":
        operands = (traced(other), self) if swapped else (self, traced(other))
        return Traced(value, op, operands)

    def __add__(self, other: Any) -> "Traced":
        return self._with("add", self.value + value_of(other), other)

    def __radd__(self, other: Any) -> "Traced":
        return self._with("add", value_of(other) + self.value, other, swapped=True)

    def __sub__(self, other: Any) -> "Traced":
        return self._with("sub", self.value - value_of(other), other)

    def __rsub__(self, other: Any) -> "Traced":
        return self._with("sub", value_of(other) - self.value, other, swapped=True)

    def __mul__(self, other: Any) -> "Traced":
        return self._with("mul", self.value * value_of(other), other)

    def __rmul__(self, other: Any) -> "Traced":
        return self._with("mul", value_of(other) * self.value, other, swapped=True)

    def __truediv__(self, other: Any) -> "Traced":
        return self._with("div", self.value / value_of(other), other)

    def __rtruediv__(self, other: Any) -> "Traced":
        return self._with("div", value_of(other) / self.value, other, swapped=True)

    def __lt__(self, other: Any) -> "Traced":
        return self._with("lt", self.value < value_of(other), other)

    def __le__(self, other: Any) -> "Traced":
        return self._with("le", self.value <= value_of(other), other)

    def __gt__(self, other: Any) -> "Traced":
        return self._with("gt", self.value > value_of(other), other)

    def __ge__(self, other: Any) -> "Traced":
        return self._with("ge", self.value >= value_of(other), other)

    def __bool__(self) -> bool:
        raise TypeError("a formula must not branch on a number; use where(condition, then, otherwise)")


def traced(value: Any) -> Traced:
    """Return the value as a traced number; plain numbers become constants."""
    return value if isinstance(value, Traced) else Traced(float(value), "constant")


def named(name: str, value: float) -> Traced:
    """Return a named input of the formula."""
    return Traced(value, "input", name=name)


def parameter(name: str, value: float) -> Traced:
    """Return a named parameter of the formula."""
    return Traced(value, "parameter", name=name)


def value_of(value: Any) -> Any:
    """Return the plain number of a traced or plain value."""
    return value.value if isinstance(value, Traced) else value


class TracingAlgebra:
    """Interpret a formula with traced numbers; `bounds` is the same as in the float interpreter."""

    __slots__ = ("bounds",)

    def __init__(self) -> None:
        self.bounds: list[Bound] = []

    def ln(self, x: Any) -> Traced:
        return Traced(ln(value_of(x)), "ln", (traced(x),))

    def where(self, condition: Any, then: Any, otherwise: Any) -> Traced:
        chosen = then if value_of(condition) else otherwise
        if isinstance(condition, Traced):
            return Traced(value_of(chosen), "where", (condition, traced(then), traced(otherwise)))
        return traced(chosen)

    def step(self, name: str, value: Any) -> Traced:
        return Traced(value_of(value), "step", (traced(value),), name=name)

    def at_least(self, level: str, constraint: str, value: Any, limit: Any) -> Traced:
        return self._bounded("max", level, constraint, value, limit, value_of(limit) > value_of(value))

    def at_most(self, level: str, constraint: str, value: Any, limit: Any) -> Traced:
        return self._bounded("min", level, constraint, value, limit, value_of(limit) < value_of(value))

    def mark(self, level: str, constraint: str, condition: Any, value: Any) -> Any:
        if value_of(condition):
            self.bounds.append(Bound(level, constraint, value_of(value), value_of(value)))
        return Traced(
            value_of(value), "mark", (traced(value), traced(condition)), name=f"{level} {constraint}"
        )

    def _bounded(self, op: str, level: str, constraint: str, value: Any, limit: Any, binds: bool) -> Traced:
        if binds:
            self.bounds.append(Bound(level, constraint, value_of(value), value_of(limit)))
        chosen = value_of(limit) if binds else value_of(value)
        return Traced(chosen, op, (traced(value), traced(limit)), name=f"{level} {constraint}")


class Line(Struct, frozen=True):
    """One line of a derivation: `name = expression`, and its value as a double."""

    name: str
    expression: str
    value: float
    uses: tuple[str, ...]


def derivation(*roots: Traced) -> tuple[Line, ...]:
    """Return the lines that derive the roots, each after the lines it uses.

    In this notation, `max(a, b)` is `where(b > a, b, a)`, `min(a, b)` is `where(b < a, b, a)`, and `ln` is
    the correctly rounded natural logarithm.
    """
    lines: dict[str, Line] = {}
    for node in _names_first(roots):
        if node.name in lines:
            continue
        leaf = node.op in LEAVES
        expression = repr(node.value) if leaf else _write(node.args[0])
        uses = () if leaf else tuple(dict.fromkeys(_names_in(node.args[0])))
        if expression != node.name:
            lines[node.name] = Line(node.name, expression, node.value, uses)
    return tuple(lines.values())


def _names_first(roots: tuple[Traced, ...]) -> Iterator[Traced]:
    """Yield the inputs and steps below the roots, operands before their users, without recursion."""
    seen: dict[int, Traced] = {}
    stack: list[tuple[Traced, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, operands_done = stack.pop()
        if operands_done:
            if node.op == "step" or node.op in LEAVES:
                yield node
        elif id(node) not in seen:
            seen[id(node)] = node
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))


def _names_in(node: Traced) -> Iterator[str]:
    if node.op == "step" or node.op in LEAVES:
        yield node.name
        return
    for arg in node.args[:1] if node.op == "mark" else node.args:
        yield from _names_in(arg)


def _write(node: Traced, parent: int = 0, right: bool = False) -> str:
    """Write a node as text, with brackets only where needed to keep the order of rounding."""
    if node.op == "step" or node.op in LEAVES:
        return node.name
    if node.op == "mark":
        return _write(node.args[0], parent, right)
    if node.op == "constant":
        return repr(node.value) if node.value >= 0 else f"({node.value!r})"
    if node.op in _SYMBOLS:
        mine = _PRECEDENCE[node.op]
        text = f"{_write(node.args[0], mine)} {_SYMBOLS[node.op]} {_write(node.args[1], mine, right=True)}"
        return f"({text})" if mine < parent or (mine == parent and right) else text
    return f"{node.op}({', '.join(_write(arg) for arg in node.args)})"
