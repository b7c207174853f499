"""The digest of a judgement: any one change shows, and a kernel's steps are those of the definition."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from exitbrain.domain.algebra import Bound
from exitbrain.domain.levels.guard_rules import FAILED, GUARDS, REASONS, UNKNOWN
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import Slice, Triggers
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.policies.formulas.registry import SHIPPED, compute
from exitbrain.domain.values import changed
from exitbrain.infrastructure.lab.judgement import (
    NO_TRIGGERS,
    SEED,
    guard_states,
    judgement_of,
    mixed,
)
from tests.property.level_inputs import plain, random_inputs

FRESH, STALE = Freshness(1.0, 300.0), Freshness(400.5, 300.0)


def judged(policy_name: str = "v3.5", **changes: Any) -> JudgedLevels:
    policy = SHIPPED[policy_name]
    known = {"entry_price": Decimal("61250.5"), "quantity": Decimal("0.25"), "volatility": 9.0}
    inputs = plain(policy, **{**known, **changes})
    return judge_levels(policy.unit, inputs, compute(policy, inputs), None, STALE)


def with_one_change(levels: JudgedLevels) -> Iterator[JudgedLevels]:
    """Yield the judgement with each double that it covers a little larger, and with each name another."""
    bounds = levels.raw.bounds
    for at, bound in enumerate(bounds):
        others = [
            changed(bound, before=np.nextafter(bound.before, 9.0)),
            changed(bound, after=np.nextafter(bound.after, 9.0)),
            changed(bound, level="tp1" if bound.level != "tp1" else "sl"),
            changed(bound, constraint="spacing" if bound.constraint != "spacing" else "tp_min"),
        ]
        for other in others:
            yield changed(levels, raw=changed(levels.raw, bounds=(*bounds[:at], other, *bounds[at + 1 :])))
    for guard, figures in levels.guards.failed.items():
        for name, value in figures.items():
            altered = {**figures, name: float(np.nextafter(value, 9e9))}
            yield changed(
                levels, guards=changed(levels.guards, failed={**levels.guards.failed, guard: altered})
            )
    for guard, reason in levels.guards.unknown.items():
        unknown = {**levels.guards.unknown, guard: next(other for other in REASONS if other != reason)}
        yield changed(levels, guards=changed(levels.guards, unknown=unknown))
    if levels.triggers is not None:
        for name in ("tp1", "tp2", "tp3", "sl"):
            price = float(getattr(levels.triggers, name))
            yield changed(levels, triggers=changed(levels.triggers, **{name: -price}))
    yield changed(levels, triggers=None if levels.triggers else Triggers(1.0, 1.0, 1.0, 1.0))


@pytest.mark.parametrize("policy", SHIPPED)
def test_every_single_change_changes_the_digest(policy: str) -> None:
    levels = judged(policy)
    digests = [judgement_of(one) for one in with_one_change(levels)]
    assert len(digests) >= 15
    assert None not in digests
    assert judgement_of(levels) not in digests


def test_positive_and_negative_zero_are_told_apart() -> None:
    levels = judged()
    assert levels.raw.bounds
    bound = levels.raw.bounds[0]

    def with_before(value: float) -> JudgedLevels:
        return changed(levels, raw=changed(levels.raw, bounds=(changed(bound, before=value),)))

    assert judgement_of(with_before(0.0)) != judgement_of(with_before(-0.0))


def test_the_compiled_step_is_that_of_the_definition() -> None:
    levels = judged(entry_price=None, quantity=None)
    levels = changed(levels, raw=changed(levels.raw, bounds=()))
    levels = changed(
        levels, guards=changed(levels.guards, failed={"intent_is_fresh": {"age_s": 7.5, "max_age_s": 5.0}})
    )
    others = tuple(name for name in GUARDS if name not in ("intent_is_fresh", *levels.guards.unknown))
    levels = changed(levels, guards=changed(levels.guards, passed=others))
    reasons = 0
    for guard, reason in levels.guards.unknown.items():
        reasons |= (REASONS.index(reason) + 1) << 4 * GUARDS.index(guard)
    digest = SEED
    for word in (reasons << 8, 0b11 << 8 | GUARDS.index("intent_is_fresh")):
        digest = np.uint64(mixed(digest, np.uint64(word)))
    for figure in (7.5, 5.0):
        digest = np.uint64(mixed(digest, np.float64(figure).view(np.uint64)))
    digest = np.uint64(mixed(digest, np.uint64(NO_TRIGGERS)))
    assert int(digest) == judgement_of(levels)


def test_every_judgement_without_ticks_has_a_digest_and_states() -> None:
    for policy in SHIPPED.values():
        for inputs in random_inputs(policy, 5, 300):
            levels = judge_levels(policy.unit, inputs, compute(policy, inputs), None, FRESH)
            states = guard_states(levels.guards)
            assert judgement_of(levels) is not None
            assert states is not None
            for place, guard in enumerate(GUARDS):
                state = states >> 2 * place & 3
                assert (state == FAILED) == (guard in levels.guards.failed)
                assert (state == UNKNOWN) == (guard in levels.guards.unknown)


@pytest.mark.parametrize(
    "beyond",
    [
        {"rounding": (Bound("sl", "tick", 1.0, 2.0),)},
        {"slices": (Slice("tp1", Decimal(1)),)},
        {"triggers": Triggers(Decimal(1), Decimal(2), Decimal(3), Decimal(4))},
    ],
    ids=lambda beyond: next(iter(beyond)),
)
def test_what_columns_can_not_hold_has_no_digest(beyond: dict[str, Any]) -> None:
    assert judgement_of(changed(judged(), **beyond)) is None


def test_unknown_names_and_another_order_have_no_digest() -> None:
    levels = judged()
    report = levels.guards
    assert report.failed
    backwards = dict(reversed(report.failed.items()))
    for guards in (
        changed(report, failed={**report.failed, "no_such_guard": {}}),
        changed(report, failed=backwards),
        changed(report, passed=report.passed[:-1]),
        changed(report, unknown={**report.unknown, "stop_inside_liquidation": "no idea"}),
    ):
        assert judgement_of(changed(levels, guards=guards)) is None
    foreign = changed(levels.raw, bounds=(Bound("sl", "my_rule", 1.0, 2.0),))
    assert judgement_of(changed(levels, raw=foreign)) is None


def test_a_tick_that_is_known_without_a_price_still_has_a_digest() -> None:
    policy = SHIPPED["v3.6"]
    inputs = plain(policy)
    instrument = Instrument("BTCUSDT", tick_size=Decimal("0.1"))
    levels = judge_levels(policy.unit, inputs, compute(policy, inputs), instrument, FRESH)
    assert judgement_of(levels) is not None
