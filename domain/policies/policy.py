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
"""The prefix of a policy's formula if a foreign engine computes the levels."""


class Policy(Struct, frozen=True, dict=True):
    """A formula, its parameters, the unit of its raw numbers, and the inputs it ignores.

    An ignored input (`funding`, `divergence`) is still recorded, but enters the formula as 0.
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
        """Return whether a foreign engine computes the levels."""
        return self.formula.startswith(FOREIGN)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return int(self.parameters_hash[:15], 16)  # cached for the look-ups of compiled policies

    @cached_property
    def parameters_hash(self) -> str:
        """Return the SHA-256 of formula, unit, ignored inputs and parameters as canonical JSON."""
        content = [self.formula, self.unit.value, sorted(self.ignores), dict(sorted(self.parameters.items()))]
        return sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


class PolicyRef(Struct, frozen=True):
    """A reference to the policy of a decision: its name and the hashes of its parameters and behaviour."""

    name: str
    parameters_hash: str
    fingerprint: str
