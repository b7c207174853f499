"""A policy: a named formula with its parameters and the unit of its raw numbers."""

import json
from functools import cached_property
from hashlib import sha256
from math import isfinite

from msgspec import Struct

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.values import Unit

IGNORABLE = ("divergence", "funding")

FOREIGN = "foreign:"
"""How the formula of a policy begins whose levels an engine of somebody else computes."""


class Policy(Struct, frozen=True, dict=True):
    """A formula, its parameters, the unit of its raw numbers, and the inputs it does not read.

    An ignored input (`funding`, `divergence`) is recorded all the same and enters the formula as 0.
    """

    name: str
    formula: str
    unit: Unit
    parameters: dict[str, float]
    ignores: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in self.parameters.items():
            if type(value) is not float or not isfinite(value):
                raise InvalidValue(f"{self.name} {name}", value, "a finite double")
        if unknown := sorted(set(self.ignores) - set(IGNORABLE)):
            raise InvalidValue(f"{self.name} ignores", ", ".join(unknown), ", ".join(IGNORABLE))

    @cached_property
    def is_foreign(self) -> bool:
        """Return whether an engine that is not ours computes the levels."""
        return self.formula.startswith(FOREIGN)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return int(self.parameters_hash[:15], 16)  # every look-up of a compiled policy asks for it

    @cached_property
    def parameters_hash(self) -> str:
        """Return the SHA-256 of formula, unit, ignored inputs and parameters in canonical JSON."""
        content = [self.formula, self.unit.value, sorted(self.ignores), dict(sorted(self.parameters.items()))]
        return sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


class PolicyRef(Struct, frozen=True):
    """The policy of a decision as the record names it: by name, parameters and behaviour."""

    name: str
    parameters_hash: str
    fingerprint: str
