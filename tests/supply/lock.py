"""The lock: every version that is installed, with the hashes of its files, in layers that pip reads as they are.

A layer names the layers beneath it (`-r`) and holds what it adds to them, so each version stands once, and an
environment gets what it needs and no more.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "lock"

Project = Mapping[str, Any]
"""What pyproject.toml says."""

WHEELS_ONLY = "--only-binary :all:"
"""A source distribution would run code of its own and ask for build tools that no lock names."""

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_PIN = re.compile(r"[A-Za-z0-9._-]+==[^\s*]+( ; .+)?")


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer is for: extras of pyproject.toml, or requirements from elsewhere in it, and the layers beneath."""

    extras: tuple[str, ...] = ()
    beneath: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """`build`, or the name of a dependency group."""


LAYERS: Mapping[str, Layer] = {
    "build": Layer(others=("build",)),
    "core": Layer(),
    "postgres": Layer(("postgres",), ("core",)),
    "demo": Layer(("demo",), ("core",)),
    "test": Layer(("lab", "cluster", "embedded", "dev"), ("build", "postgres", "demo")),
    "docs": Layer(("docs",), ("test",)),
    "bench": Layer(("bench",), ("test",)),
    "torture": Layer(("torture",), ("test",)),
    "tools": Layer(others=("tools",)),
}
"""In this order a requirement goes to the first layer that needs it."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked version."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the name as the index spells it."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """Return the one version."""
        [specifier] = self.requirement.specifier
        return specifier.version


def pins_of(text: str) -> list[Pin]:
    """Return the versions that a layer adds. Raises ValueError for a line that a lock must not have."""
    pins = []
    for line in logical_lines(text):
        if line == WHEELS_ONLY or re.fullmatch(r"-r \w+\.txt", line):
            continue
        hashes = tuple(_HASH.findall(line))
        pin = _HASH.sub("", line).rstrip()
        if not _PIN.fullmatch(pin):
            raise ValueError(
                f"{line.split(' --hash')[0]!r} is not one version of a package, nor a layer beneath"
            )
        if not hashes:
            raise ValueError(f"{pin} has no hash")
        pins.append(Pin(Requirement(pin), hashes))
    return pins


def logical_lines(text: str) -> Iterator[str]:
    """Yield the lines as pip joins them, without comments."""
    whole = re.sub(r"\s*\\\n\s*", " ", text)
    for line in whole.splitlines():
        if bare := re.sub(r"(^|\s)#.*", "", line).strip():
            yield bare


def read_lock(folder: Path = FOLDER) -> dict[str, str]:
    """Return the text of each layer."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))}


def read_project() -> Project:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def whole_layer(lock: Mapping[str, str], name: str) -> list[Pin]:
    """Return the versions of a layer and of those beneath it."""
    return [pin for each in (name, *_all_beneath(name)) for pin in pins_of(lock[each])]


def asked_for(name: str, project: Project) -> list[Requirement]:
    """Return what pyproject.toml asks for in a layer alone, without those beneath."""
    layer = LAYERS[name]
    asked = [] if layer.others else list(project["project"]["dependencies"])
    for extra in layer.extras:
        asked += project["project"]["optional-dependencies"][extra]
    for other in layer.others:
        asked += (
            project["build-system"]["requires"] if other == "build" else project["dependency-groups"][other]
        )
    return [Requirement(one) for one in asked]


def faults_of(lock: Mapping[str, str], project: Project) -> Iterator[str]:
    """Yield what is wrong with a lock: its form first, then what pyproject.toml asks for."""
    if lock.keys() != LAYERS.keys():
        yield f"the layers are {sorted(lock)}, not {sorted(LAYERS)}"
        return
    malformed = [fault for name, text in lock.items() for fault in _form_of(name, text)]
    if malformed:
        yield from malformed
        return
    yield from _different_versions(lock)
    extras = {extra for layer in LAYERS.values() for extra in layer.extras}
    yield from (
        f"no layer has the extra {one}" for one in project["project"]["optional-dependencies"].keys() - extras
    )
    for name in LAYERS:
        pins = whole_layer(lock, name)
        for asked in asked_for(name, project):
            named = [pin for pin in pins if pin.name == canonicalize_name(asked.name)]
            if not named or not all(asked.specifier.contains(pin.version) for pin in named):
                has = " and ".join(str(pin.requirement) for pin in named) or "nothing of it"
                yield f"pyproject.toml asks for {asked}, lock/{name}.txt and those beneath have {has}"


def _form_of(name: str, text: str) -> Iterator[str]:
    try:
        pins_of(text)
    except ValueError as error:
        yield f"lock/{name}.txt: {error}"
    if "://" in text:
        yield f"lock/{name}.txt names an address"
    lines = list(logical_lines(text))
    if WHEELS_ONLY not in lines:
        yield f"lock/{name}.txt allows source distributions"
    beneath = [line for line in lines if line.startswith("-r ")]
    if beneath != [f"-r {each}.txt" for each in LAYERS[name].beneath]:
        yield f"lock/{name}.txt lies on {beneath}"


def _different_versions(lock: Mapping[str, str]) -> Iterator[str]:
    """A package may have several versions for several machines, but the same ones in each layer that has it."""
    found: dict[str, set[frozenset[tuple[str, tuple[str, ...]]]]] = defaultdict(set)
    for text in lock.values():
        of_layer = defaultdict(set)
        for pin in pins_of(text):
            of_layer[pin.name].add((str(pin.requirement), pin.hashes))
        for package, lines in of_layer.items():
            found[package].add(frozenset(lines))
    yield from (
        f"{package} is not the same in all layers" for package, kinds in found.items() if len(kinds) > 1
    )


def _all_beneath(name: str) -> set[str]:
    return {below for one in LAYERS[name].beneath for below in (one, *_all_beneath(one))}
