"""Write formulas as compiled kernels from their own trace: one row of inputs, one column of parameters.

Parameters stay symbols, so one kernel serves every policy of a formula. It has the same operations on the
same operands in the same order as the formula text, without branches: results have the same 64 bits as the
float interpreter, and neighbouring policies are computed side by side. The kernels are kept in `kernels`, so
that they can be read and their machine code cached; a test writes them again and compares.
"""

from collections.abc import Sequence

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.policies.formulas.registry import FORMULAS, Formula
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs
from exitbrain.infrastructure.engines.formula_writer import write
from exitbrain.infrastructure.engines.graph import Graph, Operation, trace

INPUTS = FormulaInputs.__struct_fields__
OUTPUTS = FormulaOutputs.__struct_fields__

_ARGUMENTS = ("logarithm", "p", "j")

_PREFACE = '''"""Formula {formula} as kernels. Written by `exitbrain.infrastructure.lab.formula_kernel`; not to be changed by hand."""

from typing import Any

from exitbrain.infrastructure.lab.jit import inlined
'''


class NoKernel(ExitBrainError):
    """A formula whose form no kernel can be written for; it is computed row by row."""


def parameter_names(formula: Formula) -> tuple[str, ...]:
    """Return the parameter names of a formula in the order of its kernels."""
    return formula.parameter_names


def kernel_name(formula: str) -> str:
    """Return the name of a formula's kernel and of its module."""
    return formula.replace("-", "_").replace(".", "_")


def source_of_kernels(name: str) -> str:
    """Return the source of a formula's kernel module; raises NoKernel."""
    formula = FORMULAS[name]
    names, defaults = parameter_names(formula), formula.parameters()
    traced = trace(formula, {name: getattr(defaults, name) for name in names})
    graph = Graph(traced, leaves=("input", "parameter"))
    writing = _Writing(graph, names)
    own = kernel_name(name)
    arguments = ", ".join((*INPUTS, "logarithm"))
    parts = [
        _PREFACE.format(formula=name),
        *_function(own, f"{arguments}, p, j", writing.outputs(), "the outputs for the parameters `p[:, j]`"),
    ]
    return "\n".join(parts) + "\n"


def _function(name: str, arguments: str, body: list[str], what: str) -> list[str]:
    typed = ", ".join(f"{argument}: Any" for argument in arguments.split(", "))
    return ["", "@inlined", f"def {name}({typed}) -> Any:", f'    """Return {what}."""', *body, ""]


class _Writing:
    """Write the operations of a formula as statements, with the formula's own names for its steps."""

    def __init__(self, graph: Graph, parameters: tuple[str, ...]) -> None:
        self._graph = graph
        self._operations = graph.operations
        self._parameters = {name: number for number, name in enumerate(parameters)}
        self._logarithm = self._only_logarithm()
        self._arms = {arm for operation in graph.operations for arm in _arms_of(operation)}
        self._names = self._unique(graph.names)

    def outputs(self) -> list[str]:
        """Return the statements that compute the outputs, in the order of `FormulaOutputs`."""
        numbers = [self._graph.outputs[name] for name in OUTPUTS]
        lines, texts = write(self._graph, self._below(numbers, stop=self._logarithm), self)
        results = [f"        {texts[number]}," for number in numbers]
        return [*lines, "    return (", *results, "    )"]

    def _only_logarithm(self) -> int:
        found = [number for number, operation in enumerate(self._operations) if operation.op == "ln"]
        if len(found) != 1:
            raise NoKernel(f"a kernel takes one logarithm, the formula takes {len(found)}")
        if any(self._operations[number].op == "parameter" for number in self._below(found)):
            raise NoKernel("the logarithm depends on parameters, so policies cannot share it")
        return found[0]

    def _unique(self, names: dict[int, str]) -> dict[int, str]:
        taken = {*INPUTS, *self._parameters, *_ARGUMENTS}
        unique: dict[int, str] = {}
        for number, name in sorted(names.items()):
            if name not in taken:
                unique[number] = name
                taken.add(name)
        return unique

    def _below(self, roots: list[int], stop: int | None = None) -> list[int]:
        """Return the operations that the roots need, in order."""
        found: set[int] = set()
        waiting = list(roots)
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                if number != stop:
                    waiting.extend(self._operations[number].args)
        return sorted(found)

    def own(self, number: int, operation: Operation, of: Sequence[str]) -> tuple[list[str], str] | None:
        if operation.op == "parameter":
            name = f"p_{operation.name}"
            return [f"    {name} = p[{self._parameters[operation.name]}, j]"], name
        if number == self._logarithm:
            return [], "logarithm"
        return ([], of[0]) if operation.op == "mark" else None

    def name_of(self, number: int, operation: Operation, *, often: bool) -> str | None:
        named = often or number in self._arms or number in self._names or _arms_of(operation)
        return self._names.get(number, f"t{number}") if named else None


def _arms_of(operation: Operation) -> tuple[int, ...]:
    """Return the operands that an operation chooses from; computing them first avoids a branch."""
    if operation.op == "where":
        return operation.args[1:]
    return operation.args if operation.op in ("max", "min") else ()
