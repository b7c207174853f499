"""The lock: every version that is installed, with the hashes of its files, in layers that pip reads as they are.

A layer names the layers beneath it (`-r`) and holds what it adds to them, so each version stands once, and an
environment gets what it needs and no more.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "lock"

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


def layer_text(name: str) -> str:
    """Return a layer as it is written down."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def whole_layer(name: str) -> list[Pin]:
    """Return the versions of a layer and of those beneath it."""
    found = {(pin.name, str(pin.requirement)): pin for pin in pins_of(layer_text(name))}
    for beneath in LAYERS[name].beneath:
        found |= {(pin.name, str(pin.requirement)): pin for pin in whole_layer(beneath)}
    return list(found.values())


def asked_for(name: str, project: Mapping[str, Any] | None = None) -> list[Requirement]:
    """Return what pyproject.toml asks for in a layer alone, without those beneath."""
    told = project or tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layer = LAYERS[name]
    asked = [] if layer.others else list(told["project"]["dependencies"])
    for extra in layer.extras:
        asked += told["project"]["optional-dependencies"][extra]
    for other in layer.others:
        asked += told["build-system"]["requires"] if other == "build" else told["dependency-groups"][other]
    return [Requirement(one) for one in asked]
