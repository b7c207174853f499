"""Write the graph of a formula as Python: the same operands in the same order, in the style of a template."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from exitbrain.infrastructure.engines.graph import Graph, Operation

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
BEATS = {"max": ">", "min": "<"}
"""The comparison by which a limit replaces a value."""


class Template(Protocol):
    """The parts that differ between kinds of generated code."""

    def own(self, number: int, operation: Operation, of: Sequence[str]) -> tuple[list[str], str] | None:
        """Return the statements and the text of their result, or None to write the operation as usual.

        `of` holds the texts of the operands.
        """

    def name_of(self, number: int, operation: Operation, *, often: bool) -> str | None:
        """Return a name for the result, or None to write it in place; `often`: it is used more than once."""


def write(graph: Graph, numbers: Sequence[int], template: Template) -> tuple[list[str], dict[int, str]]:
    """Return the statements of these operations, and the expression for the result of each."""
    uses = Counter(arg for number in numbers for arg in graph.operations[number].args)
    uses.update(graph.outputs.values())
    lines: list[str] = []
    texts: dict[int, str] = {}
    for number in numbers:
        operation = graph.operations[number]
        of = [texts.get(arg, "") for arg in operation.args]
        own = template.own(number, operation, of)
        if own is not None:
            statements, texts[number] = own
            lines += statements
        elif operation.op in ("constant", "input"):
            texts[number] = f"({operation.name})" if operation.name.startswith("-") else operation.name
        elif name := template.name_of(number, operation, often=uses[number] > 1):
            texts[number] = name
            lines.append(f"    {name} = {expression(operation, of)}")
        else:
            texts[number] = f"({expression(operation, of)})"
    return lines, texts


def expression(operation: Operation, of: Sequence[str]) -> str:
    """Return an operation as text, given the texts of its operands."""
    match operation.op:
        case "ln":
            return f"ln({of[0]})"
        case "where":
            return f"{of[1]} if {of[0]} else {of[2]}"
        case "max" | "min":
            return f"{of[1]} if {of[1]} {BEATS[operation.op]} {of[0]} else {of[0]}"
        case op:
            return f"{of[0]} {_OPERATORS[op]} {of[1]}"
