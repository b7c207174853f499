"""One name for one class, one short module for one idea, and no module that nothing uses."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping

from exitbrain.infrastructure.cli.commands import VERBS
from tests.architecture.source import imports, product

SHARED = {
    "LevelsComputed": "an event of the domain, and its published message, which bears the name of the event",
    "LevelsRefused": "an event of the domain, and its published message, which bears the name of the event",
    "PolicyActivated": "an event of the domain, and its published message, which bears the name of the event",
    "AdaptiveLevels": "a published message, and the name of the former engine that hosts import",
    "PositionClosed": "an event of the domain, and its published message, which bears the name of the event",
}
"""Class names that may stand for two classes, with the reason."""

LINES_MAX = 350

ENTRANCES = {
    "exitbrain": "the public names",
    "exitbrain.ports": "the ports, for hosts",
    "exitbrain.infrastructure.cli.main": "the command `exitbrain`",
    **{f"exitbrain.infrastructure.cli.{verb}": "a verb of the command" for verb in VERBS},
    "exitbrain.infrastructure.library.legacy_api": "the names of the former engine, for hosts",
    "exitbrain.infrastructure.redis.trimming": "for the script in docs/operations.md",
    "exitbrain.infrastructure.cli.results": "the JSON Schemas on the page that docs/generate.py makes",
    "exitbrain.infrastructure.lab.lsf_window": "for notebooks, see docs/laboratory.md; the LSF history will use it",
}
"""What hosts and users start from. Every other module must be imported on the way from one of these."""


def shared_names(modules: Mapping[str, str]) -> dict[str, set[str]]:
    """Return each public class name that several modules define, with these modules, from their source."""
    found = defaultdict(set)
    for module, source in modules.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(module)
    return {name: where for name, where in found.items() if len(where) > 1}


def unused(modules: Mapping[str, str], entrances: Iterable[str]) -> set[str]:
    """Return the modules that are not imported on the way from the entrances, from the source of all."""
    waiting, used = list(entrances), set()
    while waiting:
        module = waiting.pop()
        if module in used:
            continue
        used.add(module)
        waiting += [".".join(module.split(".")[:end]) for end in range(1, module.count(".") + 1)]
        waiting += [one for _, name in imports(modules[module]) if (one := _module_of(name, modules))]
    return modules.keys() - used


def _module_of(name: str, modules: Mapping[str, str]) -> str:
    """Return the module that holds an imported name, empty for a foreign one."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def _sources() -> dict[str, str]:
    return {module: file.read_text(encoding="utf-8") for module, file in product().items()}


def test_public_class_names_are_unique() -> None:
    found = shared_names(_sources())

    assert {name: where for name, where in found.items() if name not in SHARED} == {}
    assert found.keys() >= SHARED.keys(), "a name that is no longer shared leaves SHARED"


def test_a_shared_name_is_noticed() -> None:
    modules = {
        "exitbrain.domain.a": "class Way: ...\nclass _Kept: ...\nclass Other: ...",
        "exitbrain.domain.b": "class Way: ...\nclass _Kept: ...",
    }

    assert shared_names(modules) == {"Way": {"exitbrain.domain.a", "exitbrain.domain.b"}}


def test_every_module_is_used_by_the_product() -> None:
    assert unused(_sources(), ENTRANCES) == set()


def test_an_unused_module_is_noticed() -> None:
    modules = {
        "exitbrain": "",
        "exitbrain.main": "def run():\n    from exitbrain.used import work",
        "exitbrain.used": "from exitbrain.package import module",
        "exitbrain.package": "",
        "exitbrain.package.module": "import json",
        "exitbrain.forgotten": "import exitbrain.only_by_forgotten",
        "exitbrain.only_by_forgotten": "import exitbrain.used",
    }

    assert unused(modules, ["exitbrain.main"]) == {"exitbrain.forgotten", "exitbrain.only_by_forgotten"}


def test_modules_are_short() -> None:
    assert {module for module, text in _sources().items() if text.count("\n") > LINES_MAX} == set()
