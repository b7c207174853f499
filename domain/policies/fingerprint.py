"""The fingerprint of a policy: a hash of its formula's outputs on a fixed grid of inputs.

A changed fingerprint proves changed behaviour. An equal one does not prove equal behaviour; a replay does.
"""

import struct
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from math import inf, nextafter

from exitbrain.domain.levels.instrument import Bracket, brackets_with_amounts
from exitbrain.domain.levels.levels import REFUSALS, LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.registry import compute, parameters_of
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, changed

GRID_VERSION = 1

_BRACKETS = brackets_with_amounts(
    [
        (0.0, 50_000.0, 0.004, 125.0),
        (50_000.0, 600_000.0, 0.005, 100.0),
        (600_000.0, 3_000_000.0, 0.0065, 75.0),
        (3_000_000.0, 12_000_000.0, 0.01, 50.0),
        (12_000_000.0, 70_000_000.0, 0.02, 25.0),
    ]
)
_NEIGHBOURED = {
    "leverage": (1.0, 10.0, 30.0, 125.0),
    "average_pnl": (0.0, 0.3),
    "confidence": (0.5,),
    "funding": (0.0, -0.003125, 0.003125),
    "volatility": (0.0, 1.0, 3.0),
    "divergence": (0.0, 1.0),
}
_ALLOWED = {"leverage": (1.0, 125.0), "volatility": (0.0, inf)}
_CODES = {name: code for code, name in REFUSALS.items()}


@lru_cache(maxsize=256)
def fingerprint(policy: Policy) -> str:
    """Return the SHA-256 of the grid version and all outputs on the grid, as little-endian doubles and codes.

    Raises UnknownPolicy for a formula that this version does not have, and for missing or extra parameters.
    """
    parameters_of(policy)
    digest = sha256(struct.pack("<q", GRID_VERSION))
    for inputs, brackets in grid(policy):
        digest.update(_bytes_of(compute(policy, inputs, brackets)))
    return digest.hexdigest()


def _bytes_of(raw: RawLevels) -> bytes:
    numbers = (
        *(raw.lsf, raw.pnl_factor, raw.lsf_adjusted, raw.tp1, raw.tp2, raw.tp3, raw.sl),
        *raw.harvest,
        *(raw.floor, raw.cap),
    )
    code = 0 if raw.refusal is None else _CODES[raw.refusal]
    bounds = "".join(f"{bound.level}:{bound.constraint};" for bound in raw.bounds)
    return struct.pack(f"<{len(numbers)}dq", *numbers, code) + bounds.encode()


def grid(policy: Policy) -> Iterator[tuple[LevelInputs, tuple[Bracket, ...]]]:
    """Yield the fixed inputs: every leverage, both sides, absent optional inputs, values near thresholds."""
    for side in Side:
        plain = LevelInputs(
            side=side,
            leverage=20.0,
            leverage_assumed=False,
            volatility=1.0,
            funding=0.0001,
            divergence=0.25,
            confidence=0.8,
            average_pnl=0.1,
            base_tp=policy.parameters["base_tp"],
            base_sl=policy.parameters["base_sl"],
            fee_bps=5.0,
            slippage_bps=0.0,
            entry_price=None,
            quantity=None,
        )
        for leverage in range(1, 126):
            yield from _at(leverage, plain)
        yield from _near_thresholds(plain)
        yield from _scaled(plain)
        yield from _sized(plain)


def _at(leverage: int, plain: LevelInputs) -> Iterator[tuple[LevelInputs, tuple[Bracket, ...]]]:
    at = changed(plain, leverage=float(leverage))
    yield at, ()
    yield at, _BRACKETS
    yield at, _BRACKETS[:1]
    yield changed(at, volatility=0.0, funding=0.0, divergence=0.0, average_pnl=0.0), ()
    # All inputs at odd values, so that a change in the last bit of any constant shows somewhere.
    odd = changed(
        at,
        volatility=leverage / 42,
        funding=(leverage - 63) / 4000,
        divergence=leverage / 125,
        average_pnl=(leverage - 40) / 60,
        confidence=(126 - leverage) / 125,
    )
    yield odd, ()
    small = changed(odd, base_tp=odd.base_tp / 100, base_sl=odd.base_sl / 100, fee_bps=leverage / 25)
    yield small, ()
    yield small, _BRACKETS


def _near_thresholds(plain: LevelInputs) -> Iterator[tuple[LevelInputs, tuple[Bracket, ...]]]:
    losing = changed(plain, average_pnl=-0.1, confidence=0.4)
    for field, values in _NEIGHBOURED.items():
        low, high = _ALLOWED.get(field, (-inf, inf))
        for value in values:
            for near in (nextafter(value, -inf), value, nextafter(value, inf)):
                if low <= near <= high:
                    yield changed(plain, **{field: near}), ()
                    yield changed(losing, **{field: near}), _BRACKETS


def _scaled(plain: LevelInputs) -> Iterator[tuple[LevelInputs, tuple[Bracket, ...]]]:
    """Yield base distances from far below to far above all limits, with low, usual and high costs."""
    for scale in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0):
        scaled = changed(plain, base_tp=plain.base_tp * scale, base_sl=plain.base_sl * scale)
        yield scaled, ()
        yield changed(scaled, fee_bps=0.0), ()
        yield changed(scaled, fee_bps=20.0, slippage_bps=7.0), _BRACKETS


def _sized(plain: LevelInputs) -> Iterator[tuple[LevelInputs, tuple[Bracket, ...]]]:
    """Yield known sizes inside each bracket, at its edges, and above the last bracket."""
    for edge in (bracket.cap for bracket in _BRACKETS):
        for size in (edge / 3, nextafter(edge, 0.0), edge, nextafter(edge, inf)):
            for leverage in (2.0, 20.0, 90.0):
                sized = changed(plain, entry_price=Decimal(1), quantity=Decimal(repr(size)))
                yield changed(sized, leverage=leverage), _BRACKETS
