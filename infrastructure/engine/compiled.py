"""A formula as straight-line Python, written from its own trace.

The formula text stays the only source: tracing it once gives the graph of its operations, and each operation
becomes Python with the same operands in the same order. So the result has the same 64 bits as the float
interpreter, which stays the reference, at a tenth of its time. What is used once is written in place, what is
used more often gets a name, and what is the same for every input is computed while writing.
"""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from exitbrain.domain.formulas.algebra import Bound, ln
from exitbrain.domain.formulas.registry import FORMULAS, formula_of, parameters_of
from exitbrain.domain.formulas.terms import REFUSALS, FormulaInputs, FormulaOutputs
from exitbrain.domain.formulas.tracing import Traced, TracingAlgebra, named, parameter, traced
from exitbrain.domain.levels import LevelInputs, RawLevels
from exitbrain.domain.liquidation import Liquidation
from exitbrain.domain.policy import Policy
from exitbrain.domain.values import Side, fields_of
from exitbrain.infrastructure.engine.graph import BOUNDING, OPERATORS, Graph

CompiledFormula = Callable[[LevelInputs, Liquidation], RawLevels]

_OF_LIQUIDATION = {
    "liquidation_distance": "where.distance",
    "liquidation_known": "where.known",
    "leverage_allowed": "where.allowed",
}
_READ = {
    "direction": "1.0 if x.side is LONG else -1.0",
    "cost": "2.0 * (x.fee_bps + x.slippage_bps) / 10000.0",
    **_OF_LIQUIDATION,
}


@lru_cache(maxsize=1024)
def compiled(policy: Policy) -> CompiledFormula:
    """Return the function that computes the raw levels of a policy."""
    scope = {"ln": ln, "Bound": Bound, "RawLevels": RawLevels, "REFUSALS": REFUSALS, "LONG": Side.LONG}
    exec(compile(source_of(policy), f"<{policy.name}>", "exec"), scope)  # noqa: S102  our own formula, not input
    function: CompiledFormula = scope["compute"]  # type: ignore[assignment]  # made by exec
    return function


@lru_cache(maxsize=1024)
def reads_liquidation(policy: Policy) -> bool:
    """Return whether the levels of a policy depend on where the position is liquidated."""
    read = {operation.name for operation in Graph(_trace(policy)).operations if operation.op == "input"}
    return not read.isdisjoint(_OF_LIQUIDATION)


def source_of(policy: Policy) -> str:
    """Return the Python source that `compiled` runs."""
    graph = Graph(_trace(policy))
    lines, texts = _write(graph)
    out = {name: texts[number] for name, number in graph.outputs.items()}
    reads = [
        f"    {name} = {_READ.get(name, f'x.{name}')}" for op, name, _ in graph.operations if op == "input"
    ]
    return "\n".join(
        [
            "def compute(x, where):",
            *reads,
            "    bounds = []",
            *lines,
            f"    code = {out['code']}",
            "    return RawLevels(",
            *(f"        {out[name]}," for name in ("lsf", "pnl_factor", "lsf_adjusted")),
            *(f"        {out[name]}," for name in ("tp1", "tp2", "tp3", "sl")),
            f"        ({out['harvest1']}, {out['harvest2']}, {out['harvest3']}),",
            f"        {out['floor']},",
            f"        {out['cap']},",
            "        None if code == 0.0 else REFUSALS[int(code)],",
            "        tuple(bounds),",
            "    )",
        ]
    )


def _trace(policy: Policy) -> FormulaOutputs[Traced]:
    ignored = {name: traced(0.0) for name in policy.ignores}
    inputs = {name: ignored.get(name, named(name, 1.0)) for name in FormulaInputs.__struct_fields__}
    given = fields_of(parameters_of(policy))
    parameters = FORMULAS[policy.formula].parameters(**{k: parameter(k, value) for k, value in given.items()})
    return formula_of(policy).text(TracingAlgebra(), FormulaInputs(**inputs), parameters)


def _write(graph: Graph) -> tuple[list[str], list[str]]:
    """Return the statements, and for each operation the expression that stands for its result after them."""
    uses = Counter(arg for operation in graph.operations for arg in operation.args)
    uses.update(graph.outputs.values())
    lines: list[str] = []
    texts: list[str] = []
    for number, (op, name, args) in enumerate(graph.operations):
        of = [texts[arg] for arg in args]
        if op in ("constant", "input"):
            text = f"({name})" if name.startswith("-") else name
        elif op in BOUNDING:
            text = _bounding(lines, f"t{number}", op, name, of)
        elif uses[number] > 1:
            text = f"t{number}"
            lines.append(f"    {text} = {_expression(op, of)}")
        else:
            text = f"({_expression(op, of)})"
        texts.append(text)
    return lines, texts


def _expression(op: str, of: list[str]) -> str:
    if op == "ln":
        return f"ln({of[0]})"
    if op == "where":
        return f"{of[1]} if {of[0]} else {of[2]}"
    return f"{of[0]} {OPERATORS[op]} {of[1]}"


def _bounding(lines: list[str], result: str, op: str, name: str, of: list[str]) -> str:
    level, constraint = name.split(" ")
    lines.append(f"    {result} = {of[0]}")
    if op == "mark":
        lines.append(f"    if {of[1]}:")
        lines.append(f"        bounds.append(Bound({level!r}, {constraint!r}, {result}, {result}))")
        return result
    beats = "<" if op == "min" else ">"
    lines.append(f"    limit = {of[1]}")
    lines.append(f"    if limit {beats} {result}:")
    lines.append(f"        bounds.append(Bound({level!r}, {constraint!r}, {result}, limit))")
    lines.append(f"        {result} = limit")
    return result
