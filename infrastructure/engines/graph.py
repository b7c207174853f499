"""The graph of a formula: each operation once, operands first. Generated code is written from it."""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any, NamedTuple

from exitbrain.domain.policies.formulas.registry import Formula
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs
from exitbrain.domain.policies.formulas.tracing import Traced, TracingAlgebra, named, parameter, traced

BOUNDING = ("max", "min", "mark")
"""The operations that can bound a level; their name is the level and the constraint."""

_CONSTANT = "constant"


class Operation(NamedTuple):
    """One operation on earlier results; `name` is the text of a constant or leaf, or the bound."""

    op: str
    name: str
    args: tuple[int, ...]


def trace(
    formula: Formula, given: Mapping[str, float], ignores: Collection[str] = ()
) -> FormulaOutputs[Traced]:
    """Return the trace of a formula with these parameters; an ignored input counts as 0."""
    inputs: FormulaInputs[Any] = FormulaInputs(
        **{
            name: traced(0.0) if name in ignores else named(name, 1.0)
            for name in FormulaInputs.__struct_fields__
        }
    )
    parameters = formula.parameters(**{name: parameter(name, value) for name, value in given.items()})
    return formula.text(TracingAlgebra(), inputs, parameters)


class Graph:
    """The operations of a trace; `outputs` gives the number of each output, `names` those of named steps.

    Constants are folded. `leaves` are the kinds of leaf that vary from call to call; the others are constants
    with the value they were traced with.
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
        if known is not None and node.op not in BOUNDING:  # each bound is reported, even a repeated one
            return known
        self._by_operation[operation] = len(self.operations)
        self.operations.append(operation)
        return len(self.operations) - 1

    def _is_constant(self, node: Traced, args: tuple[int, ...]) -> bool:
        return isfinite(node.value) and all(self.operations[arg].op == _CONSTANT for arg in args)
