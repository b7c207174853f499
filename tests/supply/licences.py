"""The licences of what is installed at run time, as the packages state them."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.supply.lock import read_project

NOT_AT_RUN_TIME = {"bench", "dev", "docs", "embedded", "torture"}
"""Extras of those who develop ExitBrain; what they compare or test with is not handed on."""

PERMISSIVE = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0"),
    *("CNRI-Python", "ISC", "MIT", "MIT-0", "MPL-2.0", "NCSA", "PSF-2.0", "Unlicense", "Zlib"),
}
"""MPL-2.0 asks for nothing of those who use a file as it is."""

REVIEWED = {
    # Used as they come, as libraries of their own that anybody can replace, and in the extra postgres alone.
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
    "psycopg-pool": "LGPL-3.0-only",
}
"""What may be used although its licence is not permissive: the licence that was read, empty where none is stated."""

_CLASSIFIERS = {
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "OSI Approved :: BSD License": "BSD-3-Clause",
    "OSI Approved :: ISC License (ISCL)": "ISC",
    "OSI Approved :: MIT License": "MIT",
    "OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
_OLD_WORDS = {"Apache 2.0": "Apache-2.0", "BSD": "BSD-3-Clause"}
_RESTRICTED = re.compile(r"commons clause|server side public license|redis source available", re.IGNORECASE)


def run_time() -> Iterator[Distribution]:
    """Yield every package that an installation with all extras for use has, in this environment.

    Raises PackageNotFoundError for one that is not installed, which therefore cannot be read.
    """
    project = read_project()["project"]
    extras = project["optional-dependencies"]
    asked = [one for name in extras if name not in NOT_AT_RUN_TIME for one in extras[name]]
    waiting = [Requirement(one) for one in (*project["dependencies"], *asked)]
    seen: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, Distribution] = {}
    while waiting:
        one = waiting.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in seen or (one.marker and not one.marker.evaluate()):
            continue
        seen.add(key)
        found[key[0]] = package = distribution(one.name)
        waiting += _required(package, one.extras)
    yield from found.values()


def _required(package: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    for line in package.requires or ():
        needed = Requirement(line)
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            needed.marker = None
            yield needed


def fault_of(package: Distribution) -> str | None:
    """Return what is wrong with the licence of a package, None where it may be used."""
    name = canonicalize_name(package.name)
    for file in package.files or ():
        if re.search(r"licen[cs]e|copying", file.name, re.IGNORECASE) and file.suffix != ".py":
            restricted = _RESTRICTED.search(file.read_text(encoding="utf-8"))
            if restricted:
                return f"{name}: its file {file} has the {restricted[0]}"
    stated = stated_licence(package)
    if REVIEWED.get(name) == stated:
        return None
    if not stated:
        return f"{name}: states no licence; read it, and add it to REVIEWED with the reason"
    return None if _may_be_used(stated) else f"{name}: {stated} is not among the permissive licences"


def stated_licence(package: Distribution) -> str:
    """Return the expression that a package states, or what its older fields come to; empty where nothing is stated."""

    def told(field: str) -> list[str]:
        return package.metadata.get_all(field) or []

    if expressions := told("License-Expression"):
        return expressions[0]
    named = "".join(told("License")).strip()
    if named in PERMISSIVE or named in _OLD_WORDS:
        return _OLD_WORDS.get(named, named)
    classifiers = [one.partition(" :: ")[2] for one in told("Classifier") if one.startswith("License")]
    approved = [one for one in classifiers if one.startswith(("OSI Approved :: ", "Other/"))]
    if approved:
        return " AND ".join(_CLASSIFIERS.get(one, one) for one in approved)
    return named.partition("\n")[0]


def _may_be_used(expression: str) -> bool:
    """Return whether one of the alternatives asks for permissive licences alone; brackets are not read."""
    alternatives = (one.split(" AND ") for one in expression.split(" OR "))
    return any(all(part.strip() in PERMISSIVE for part in parts) for parts in alternatives)
