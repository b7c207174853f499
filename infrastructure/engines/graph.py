"""The operations of a formula, operands first, each once: what code is written from."""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any, NamedTuple

from exitbrain.domain.policies.formulas.registry import Formula
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs
from exitbrain.domain.policies.formulas.tracing import Traced, TracingAlgebra, named, parameter, traced

BOUNDING = ("max", "min", "mark")
"""The operations that may bind a level; the name of one is the level and the constraint."""

_CONSTANT = "constant"


class Operation(NamedTuple):
    """One operation on the results of earlier ones; `name` is the text of a constant or leaf, or what binds."""

    op: str
    name: str
    args: tuple[int, ...]


def trace(
    formula: Formula, given: Mapping[str, float], ignores: Collection[str] = ()
) -> FormulaOutputs[Traced]:
    """Return the trace of a formula with these parameters; an input that is ignored counts as 0."""
    inputs: FormulaInputs[Any] = FormulaInputs(
        **{
            name: traced(0.0) if name in ignores else named(name, 1.0)
            for name in FormulaInputs.__struct_fields__
        }
    )
    parameters = formula.parameters(**{name: parameter(name, value) for name, value in given.items()})
    return formula.text(TracingAlgebra(), inputs, parameters)


class Graph:
    """The operations of a trace; `outputs` says which of them the outputs are, `names` how the formula calls some.

    What is the same for every input is computed while writing. `leaves` are the kinds of leaf that stand for another
    number each time; those of another kind count with the value they were traced with.
    """

    def __init__(self, outputs: FormulaOutputs[Traced], leaves: tuple[str, ...] = ("input",)) -> None:
        self.operations: list[Operation] = []
        self.names: dict[int, str] = {}
        self._leaves = leaves
        self._by_node: dict[int, int] = {}
        self._by_operation: dict[Operation, int] = {}
        self.outputs = {name: self._add(getattr(outputs, name)) for name in FormulaOutputs.__struct_fields__}

    def _add(self, node: Traced) -> int:
        if node.op == "step":
            number = self._add(node.args[0])
            self.names.setdefault(number, node.name)
            return number
        if id(node) not in self._by_node:
            self._by_node[id(node)] = self._number_of(node)
        return self._by_node[id(node)]

    def _number_of(self, node: Traced) -> int:
        operation = Operation(node.op, node.name, tuple([self._add(arg) for arg in node.args]))
        if (
            node.op not in self._leaves
            and node.op not in BOUNDING
            and self._is_constant(node, operation.args)
        ):
            operation = Operation(_CONSTANT, repr(node.value), ())
        known = self._by_operation.get(operation)
        if known is not None and node.op not in BOUNDING:  # what binds twice is reported twice
            return known
        self._by_operation[operation] = len(self.operations)
        self.operations.append(operation)
        return len(self.operations) - 1

    def _is_constant(self, node: Traced, args: tuple[int, ...]) -> bool:
        return isfinite(node.value) and all(self.operations[arg].op == _CONSTANT for arg in args)
