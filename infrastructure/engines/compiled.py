"""Compile a formula to straight-line Python.

The formula text stays the only source. Tracing it once gives the graph of its operations; each becomes Python
with the same operands in the same order. The result has the same 64 bits as the float interpreter, which
stays the reference, in a tenth of the time. A result used once is written in place, one used more often gets
a name, and constants are folded while writing.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from exitbrain.domain.algebra import Bound, ln
from exitbrain.domain.levels.levels import REFUSALS, LevelInputs, RawLevels
from exitbrain.domain.levels.liquidation import Liquidation
from exitbrain.domain.policies.formulas.registry import formula_of, parameters_of
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, fields_of
from exitbrain.infrastructure.engines.formula_writer import BEATS, write
from exitbrain.infrastructure.engines.graph import BOUNDING, Graph, Operation, trace

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
    """Return whether the levels of a policy depend on its liquidation price."""
    read = {operation.name for operation in _graph(policy).operations if operation.op == "input"}
    return not read.isdisjoint(_OF_LIQUIDATION)


def source_of(policy: Policy) -> str:
    """Return the Python source that `compiled` runs."""
    graph = _graph(policy)
    lines, texts = write(graph, range(len(graph.operations)), _Branching())
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


def _graph(policy: Policy) -> Graph:
    return Graph(trace(formula_of(policy), fields_of(parameters_of(policy)), policy.ignores))


class _Branching:
    """Write a bounding operation as a branch that records the bound."""

    def own(self, number: int, operation: Operation, of: Sequence[str]) -> tuple[list[str], str] | None:
        if operation.op not in BOUNDING:
            return None
        level, constraint = operation.name.split(" ")
        result = f"t{number}"
        if operation.op == "mark":
            noted = f"        bounds.append(Bound({level!r}, {constraint!r}, {result}, {result}))"
            return [f"    {result} = {of[0]}", f"    if {of[1]}:", noted], result
        return [
            f"    {result} = {of[0]}",
            f"    limit = {of[1]}",
            f"    if limit {BEATS[operation.op]} {result}:",
            f"        bounds.append(Bound({level!r}, {constraint!r}, {result}, limit))",
            f"        {result} = limit",
        ], result

    def name_of(self, number: int, operation: Operation, *, often: bool) -> str | None:
        return f"t{number}" if often else None
