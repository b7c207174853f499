"""A recorded decision is computed again bit for bit only if the domain reads nothing but its arguments.

The rules look at the source, so they see what is written, not what happens: a set that hides behind a call
into another module passes. They are a fence, not a proof; the proof is replay.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, python_files

# Whole modules whose purpose is to read or write the world, to schedule, or to draw lots.
_BARRED_MODULES = {
    "asyncio", "builtins", "concurrent", "contextvars", "ctypes", "fileinput", "getpass", "glob", "http",
    "importlib", "io", "locale", "logging", "multiprocessing", "os", "pathlib", "platform", "queue", "random",
    "sched", "secrets", "select", "shutil", "signal", "site", "socket", "socketserver", "sqlite3", "ssl",
    "subprocess", "syslog", "tempfile", "threading", "time", "timeit", "urllib.error", "urllib.request",
    "warnings", "weakref", "zoneinfo",
    "statistics",  # its means go through fsum or through fractions, not through the written loop
}  # fmt: skip
# Names of otherwise allowed modules. Sums that reorder, roundings of the C library, clocks, drawn ids.
_BARRED_NAMES = {
    "datetime.date.today", "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow",
    "uuid.getnode", "uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7", "uuid.uuid8",
    "math.fsum", "math.sumprod", "math.fma", "math.nan",
    "math.acos", "math.acosh", "math.asin", "math.asinh", "math.atan", "math.atan2", "math.atanh", "math.cbrt",
    "math.cos", "math.cosh", "math.dist", "math.erf", "math.erfc", "math.exp", "math.exp2", "math.expm1",
    "math.gamma", "math.hypot", "math.lgamma", "math.log", "math.log10", "math.log1p", "math.log2", "math.pow",
    "math.sin", "math.sinh", "math.tan", "math.tanh",
}  # fmt: skip
_ALLOWED_OF_SYS = {"sys.float_info", "sys.maxsize"}
_BARRED_BUILTINS = {
    "__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print",
    "sum",  # rounds differently since Python 3.12
    "hash",  # differs from process to process; a `__hash__` may use it
    "globals", "locals", "vars",
}  # fmt: skip
# What makes an order out of a set. `sorted`, `min`, `max`, `len`, `any`, `all` and tests of membership do not.
_ORDERING_CALLS = {
    "dict", "enumerate", "filter", "iter", "list", "map", "next", "repr", "reversed", "str", "tuple", "zip",
}  # fmt: skip
_ORDERING_METHODS = {"extend", "format", "fromkeys", "join"}
_SET_METHODS = {"difference", "intersection", "symmetric_difference", "union"}
_SET_OPERATORS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)
_SET_TYPES = {"AbstractSet", "FrozenSet", "MutableSet", "Set", "frozenset", "set"}


@dataclass(frozen=True, slots=True)
class Offence:
    """One place where the domain could give another answer on another day."""

    rule: str
    line: int
    what: str


def offences(source: str) -> list[Offence]:
    """Return every broken rule of a module, in the order of the lines."""
    tree = ast.parse(source)
    full_names = _FullNames(tree)
    sets = _Sets(tree)
    of_hash = _uses_inside_dunder_hash(tree)
    found = [*_imports(tree)]
    for node in ast.walk(tree):
        if node not in of_hash:
            found += _names(node, full_names)
        found += _not_a_number(node, full_names)
        found += _set_order(node, sets)
    return sorted(found, key=lambda offence: (offence.line, offence.rule, offence.what))


def _imports(tree: ast.Module) -> Iterator[Offence]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if any(f"{name}.".startswith(f"{module}.") for module in _BARRED_MODULES):
                yield Offence("import", node.lineno, name)
            elif _is_barred(name):
                yield Offence("name", node.lineno, name)


def _is_barred(name: str) -> bool:
    of_sys = name.startswith("sys.") and not any(name.startswith(allowed) for allowed in _ALLOWED_OF_SYS)
    return name in _BARRED_NAMES or of_sys


class _FullNames:
    """What the names of a module mean, aliases resolved.

    After `from datetime import datetime as dt`, `dt.now` means `datetime.datetime.now`.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._meaning: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    self._meaning[bound] = alias.name if alias.asname else bound
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self._meaning[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def of(self, node: ast.AST) -> str | None:
        """Return the dotted name; a name that is not imported stands for itself."""
        if isinstance(node, ast.Name):
            return self._meaning.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.of(node.value)
            return owner and f"{owner}.{node.attr}"
        return None


def _names(node: ast.AST, full_names: _FullNames) -> Iterator[Offence]:
    if isinstance(node, ast.Attribute):
        name = full_names.of(node)
        if name and _is_barred(name):
            yield Offence("name", node.lineno, name)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _BARRED_BUILTINS:
        yield Offence("builtin", node.lineno, node.id)


def _uses_inside_dunder_hash(tree: ast.Module) -> set[ast.AST]:
    return {
        name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name == "__hash__"
        for name in ast.walk(function)
        if isinstance(name, ast.Name) and name.id == "hash"
    }


def _not_a_number(node: ast.AST, full_names: _FullNames) -> Iterator[Offence]:
    if not isinstance(node, ast.Call) or full_names.of(node.func) not in {"float", "decimal.Decimal"}:
        return
    for argument in node.args:
        text = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(text, str) and "nan" in text.lower():
            yield Offence("nan", node.lineno, ast.unparse(node))


class _Sets:
    """Which expressions of a module are visibly sets.

    Visible are displays, comprehensions, calls of `set` and `frozenset`, what set operators and methods make
    of these, and names, attributes and functions that are annotated as a set or assigned one of the former.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._names: set[str] = set()
        self._functions: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.AnnAssign) and _is_set_type(node.annotation):
                self._remember(node.target)
            elif isinstance(node, ast.arg) and node.annotation and _is_set_type(node.annotation):
                self._names.add(node.arg)
            elif isinstance(node, ast.FunctionDef) and node.returns and _is_set_type(node.returns):
                self._functions.add(node.name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and self.has(node.value):
                for target in node.targets:
                    self._remember(target)

    def _remember(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._names.add(target.id)
        elif isinstance(target, ast.Attribute):
            self._names.add(target.attr)

    def has(self, node: ast.expr) -> bool:
        """Tell whether the expression is visibly a set."""
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id=name)):
                return name in {"set", "frozenset"} or name in self._functions
            case ast.Call(func=ast.Attribute(value=owner, attr=name)):
                return name in self._functions or (name in _SET_METHODS and self.has(owner))
            case ast.BinOp(left=left, op=operator, right=right):
                return isinstance(operator, _SET_OPERATORS) and any(
                    self.has(side) or _is_key_view(side) for side in (left, right)
                )
            case ast.IfExp(body=body, orelse=orelse):
                return self.has(body) or self.has(orelse)
            case ast.NamedExpr(value=value):
                return self.has(value)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name in self._names
            case _:
                return False


def _is_set_type(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Subscript(value=generic):
            return _is_set_type(generic)
        case ast.BinOp(left=left, right=right):
            return _is_set_type(left) or _is_set_type(right)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _SET_TYPES
        case _:
            return False


def _is_key_view(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys"


def _set_order(node: ast.AST, sets: _Sets) -> Iterator[Offence]:
    for walked in _walked_in_order(node):
        if sets.has(walked):
            yield Offence("set order", walked.lineno, ast.unparse(walked))


def _walked_in_order(node: ast.AST) -> list[ast.expr]:
    """Return the expressions whose order of elements this node makes visible."""
    match node:
        case ast.For(iter=walked) | ast.comprehension(iter=walked):
            return [walked]
        case ast.Starred(value=walked) | ast.YieldFrom(value=walked) | ast.FormattedValue(value=walked):
            return [walked]
        case ast.Assign(targets=[ast.Tuple() | ast.List(), *_], value=walked):
            return [walked]
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _ORDERING_CALLS:
            return arguments
        case ast.Call(func=ast.Attribute(attr="pop", value=owner), args=[]):
            return [owner]
        case ast.Call(func=ast.Attribute(attr=name), args=arguments) if name in _ORDERING_METHODS:
            return arguments
        case _:
            return []


@pytest.mark.parametrize("file", python_files("domain"), ids=lambda file: str(file.relative_to(ROOT)))
def test_domain_reads_nothing_but_its_arguments(file: Path) -> None:
    found = offences(file.read_text(encoding="utf-8"))

    assert not found, "\n".join(f"{file.relative_to(ROOT)}:{o.line}: {o.rule}: {o.what}" for o in found)


@pytest.mark.parametrize(
    "module",
    [
        "time",
        "random",
        "secrets",
        "os",
        "io",
        "logging",
        "threading",
        "asyncio",
        "socket",
        "subprocess",
        "pathlib",
    ],
)
@pytest.mark.parametrize(
    "form", ["import {}", "import {} as x", "from {} import x", "def f():\n    import {}"]
)
def test_import_of_the_outside_is_noticed(module: str, form: str) -> None:
    assert [o.rule for o in offences(form.format(module))] == ["import"]


def test_import_of_a_submodule_of_the_outside_is_noticed() -> None:
    assert [o.what for o in offences("import os.path\nfrom urllib import request")] == [
        "os.path",
        "urllib.request",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nx = datetime.now()",
        "from datetime import datetime as dt\nx = dt.utcnow()",
        "import datetime\nx = datetime.datetime.today()",
        "import datetime as d\nx = d.date.today()",
        "from datetime import datetime\nclock = datetime.now",
    ],
)
def test_reading_the_clock_is_noticed(source: str) -> None:
    assert [(o.rule, o.line) for o in offences(source)] == [("name", 2)]


@pytest.mark.parametrize(
    "source",
    ["import uuid\nx = uuid.uuid4()", "import uuid as u\nx = u.uuid1()", "import uuid\nnew_id = uuid.uuid4"],
)
def test_drawing_an_id_is_noticed(source: str) -> None:
    assert [(o.rule, o.line) for o in offences(source)] == [("name", 2)]


def test_importing_the_drawing_of_ids_is_noticed() -> None:
    assert [o.what for o in offences("from uuid import UUID, uuid4, uuid5")] == ["uuid.uuid4"]


@pytest.mark.parametrize("name", ["stdin", "stdout", "argv", "modules"])
def test_reaching_the_process_through_sys_is_noticed(name: str) -> None:
    assert [o.what for o in offences(f"import sys\nx = sys.{name}")] == [f"sys.{name}"]
    assert [o.what for o in offences(f"from sys import {name}")] == [f"sys.{name}"]


@pytest.mark.parametrize(
    "source",
    [
        "x = open('levels.json')",
        "print(1)",
        "x = input()",
        "x = eval('1 + 1')",
        "exec('x = 1')",
        "x = sum(values)",
        "x = reduce(sum, values)",
        "x = hash(symbol)",
        "x = __import__('os')",
    ],
)
def test_barred_builtin_is_noticed(source: str) -> None:
    assert [o.rule for o in offences(source)] == ["builtin"]


@pytest.mark.parametrize(
    "source",
    [
        "import math\nx = math.fsum(values)",
        "from math import (\n fsum)",
        "import math\nx = math.log(leverage)",
        "import math as m\nx = m.exp(1.0)",
    ],
)
def test_arithmetic_outside_the_algebra_is_noticed(source: str) -> None:
    assert [o.rule for o in offences(source)] == ["name"]


def test_summing_through_statistics_is_noticed() -> None:
    assert [o.rule for o in offences("from statistics import fmean")] == ["import"]


@pytest.mark.parametrize("text", ["nan", "NaN", " -nan "])
def test_making_a_number_that_is_none_is_noticed(text: str) -> None:
    assert [o.rule for o in offences(f"x = float({text!r})")] == ["nan"]
    assert [o.rule for o in offences(f"from decimal import Decimal\nx = Decimal({text!r})")] == ["nan"]


@pytest.mark.parametrize(
    "source",
    [
        "for x in {1, 2}: ...",
        "for x in {y for y in z}: ...",
        "for x in set(z): ...",
        "x = [y for y in frozenset(z)]",
        "x = {y: 1 for y in {1, 2}}",
        "x = list({1, 2})",
        "x = tuple(set(z))",
        "x = ','.join({'a', 'b'})",
        "x = next(iter(set(z)))",
        "x = [*{1, 2}]",
        "a, b = {1, 2}",
        "x = {1, 2}.pop()",
        "x = f'{ {1, 2} }'",
        "x = str({1, 2})",
        "def f():\n    yield from {1, 2}",
        "for x in {1} | y: ...",
        "for x in a.keys() & b.keys(): ...",
        "for x in set(z).union(y): ...",
        "NAMES = frozenset({'a', 'b'})\nx = [y for y in NAMES]",
        "def f(names: set[str]):\n    for x in names: ...",
        "class A:\n    reached: frozenset[int]\n    def f(self):\n        return [x for x in self.reached]",
        "def names() -> set[str]: ...\nfor x in names(): ...",
        "def f(names: frozenset[str] | None = None):\n    return list(names)",
    ],
)
def test_order_of_a_set_is_noticed(source: str) -> None:
    assert "set order" in {o.rule for o in offences(source)}


@pytest.mark.parametrize(
    "source",
    [
        "x = 1 in {1, 2}",
        "for x in sorted({1, 2}): ...",
        "x = min(set(y))",
        "NAMES = frozenset({'a'})\nx = 'a' in NAMES and len(NAMES) == 1",
        "for x in {1: 2}: ...",
        "for x in (1, 2): ...",
        "def f(at):\n    return at.isoformat()",
        "from datetime import UTC, datetime\nx = datetime.fromtimestamp(1, UTC)",
        "from uuid import NAMESPACE_DNS, uuid5\nx = uuid5(NAMESPACE_DNS, 'exitbrain')",
        "import math\nx = math.isfinite(1.0) and math.nextafter(1.0, 2.0)",
        "import sys\nx = sys.float_info.max",
        "x = float('inf')",
        "x = float(text)",
        "from urllib.parse import quote",
        "class A:\n    def __hash__(self):\n        return hash(self.name)",
        "class A:\n    def sum(self): ...\nx = A().sum()",
        "def f(stack):\n    return stack.pop()",
    ],
)
def test_harmless_code_passes(source: str) -> None:
    assert offences(source) == []
