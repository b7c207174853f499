"""A name that begins with an underscore is used in its module alone; a subclass may use those it inherits."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import product

ALLOWED = {
    "exitbrain.domain.plans.exit_plan": {"plan._emit"},  # a factory method, on the object it has just made
    "exitbrain.domain.positions.position": {"position._emit"},  # the same
    "exitbrain.infrastructure.engines.io_monitor": {"sys._getframe"},  # documented for such uses
    "exitbrain.infrastructure.lab.jit": {  # numba has no public way to say what cached code depends on
        "dispatcher._cache",
        "dispatcher._cache._cache_file",
        "file._data_name_pattern",
        "file._index_path",
        "file._load_index",
        "file._source_stamp",
    },
    "exitbrain.infrastructure.worker.ending": {"os._exit"},  # documented: end without waiting for threads
    "exitbrain.infrastructure.observability.health": {
        "sys._current_frames"
    },  # documented: where each thread is
}
"""Private members of others that may be used, by module, with the reason."""

_OWN = ("self", "cls", "super()")
_NAMEDTUPLE = ("_replace", "_asdict", "_fields", "_make")
"""Public in spite of their names, which must not be those of a field."""


def foreign_members(source: str) -> set[str]:
    """Return the private members of others that a module uses or imports, as written there."""
    tree = ast.parse(source)
    defined = set(_defined(tree))
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value, attr) if _is_private(attr):
                if ast.unparse(value) not in _OWN and attr not in defined:
                    found.add(ast.unparse(node))
            case ast.ImportFrom(module, names):
                found |= {f"{module}.{one.name}" for one in names if _is_private(one.name)}
            case ast.Call(ast.Name("getattr" | "setattr"), [_, ast.Constant(str(attr)), *_]):
                if _is_private(attr) and attr not in defined:
                    found.add(ast.unparse(node))
            case _:
                pass
    return found


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in _NAMEDTUPLE


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the names that the module and its classes give to functions, classes, variables and attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.Name(name, ast.Store()):
                yield name
            case ast.Attribute(ast.Name("self"), name, ast.Store()):
                yield name
            case ast.Assign([ast.Name("__slots__")], value):
                yield from (str(part.value) for part in ast.walk(value) if isinstance(part, ast.Constant))
            case _:
                pass


def test_no_module_uses_private_members_of_another() -> None:
    found = {
        module: members
        for module, file in product().items()
        if (members := foreign_members(file.read_text(encoding="utf-8")))
    }

    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        "from exitbrain.domain.positions.position import _window",
        "import exitbrain.domain.positions.position\nexitbrain.domain.position._window()",
        "def work(batch):\n    batch._known.clear()",
        "class Draft:\n    def end(self):\n        return self.recorder._ledger",
        "def work(batch):\n    return getattr(batch, '_known')",
        "def work(batch):\n    batch._known = {}",
    ],
)
def test_a_private_member_of_another_is_noticed(source: str) -> None:
    assert foreign_members(source)


@pytest.mark.parametrize(
    "source",
    [
        "class Draft(Base):\n    def end(self):\n        super()._end()\n        return self._inherited",
        "class Draft:\n    def __init__(self):\n        self._end = 1\n    def __lt__(self, other):\n        return self._end < other._end",
        "class Draft:\n    __slots__ = ('_end',)\ndef end(draft):\n    draft._end = 1",
        "def moved(pair):\n    return pair._replace(first=1)",
        "from exitbrain import __version__",
    ],
)
def test_members_of_its_own_pass(source: str) -> None:
    assert foreign_members(source) == set()
