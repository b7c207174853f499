"""What the shipped policies computed when they were released, pinned.

A failure here means that a formula, a parameter or the grid behaves otherwise than in the releases that wrote
the existing stores. Do not adapt the constant: what behaves differently is a new policy with a name of its own
(or a new `GRID_VERSION`, when only the grid was extended before a release).
"""

import pytest

from exitbrain.domain.policies.fingerprint import GRID_VERSION, fingerprint
from exitbrain.domain.policies.formulas.registry import SHIPPED

_RELEASED_GRID = 1
_RELEASED = {
    "v3.5": (
        "98a2c278f0ca2fa16ac52f5799991901a5d66fb16941cbd6bc56a52fe9b87c5b",
        "c82a0f6cc3b196c0517e8a28067fcb4334f6718aaf749bf5bdd021eb3f43dc4c",
    ),
    "v3.5-fraction": (
        "c544344cc67d2f074566b5c3b8ddf39e2807bafe02767ffd0cbefbd8cf9d37a6",
        "64e6d18ab2865c489b737ef1e0e558a0b90a54c53a4fe0eac8dc829fbc0d1131",
    ),
    "v3.6": (
        "286f94dea95e50ed1a51f90686f6daad5b13e79ed865c828ec1ac4ecbcf2ea78",
        "e96c74487c0842c63d449d1817327bcabed2b990dd405ae47e62b67665f140f5",
    ),
}


def test_every_shipped_policy_is_pinned() -> None:
    assert set(SHIPPED) == set(_RELEASED)
    assert GRID_VERSION == _RELEASED_GRID


@pytest.mark.parametrize("name", _RELEASED)
def test_a_released_policy_behaves_as_when_it_was_released(name: str) -> None:
    parameters_hash, released = _RELEASED[name]

    assert SHIPPED[name].parameters_hash == parameters_hash
    assert fingerprint(SHIPPED[name]) == released
