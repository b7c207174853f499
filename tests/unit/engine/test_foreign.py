"""A foreign engine: loaded by its name, asked in the old signature, and never believed without looking."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from exitbrain.application.engine_answer import levels_of
from exitbrain.application.ports.level_engine import EngineFailed, EngineUnavailable
from exitbrain.domain.algebra import Bound
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.levels.checked import CONSTRAINTS
from exitbrain.domain.levels.levels import RawLevels
from exitbrain.domain.plans.decision import judge_levels
from exitbrain.domain.policies.formulas.registry import V3_5, V3_5_FRACTION, V3_6, compute
from exitbrain.domain.values import Side, Unit
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.engines.foreign import ForeignEngine, foreign_policy
from exitbrain.infrastructure.engines.named import NamedEngines
from tests.architecture.source import ROOT
from tests.foreign_engines import PLAIN, Giving
from tests.property.level_inputs import plain, random_inputs, threshold_inputs
from tests.unit.domain.example import BTCUSDT, FRESH, inputs_for

OLD_ENGINE = "foreign:exitbrain:AdaptiveLeverageEngine"
GIVING = "foreign:tests.foreign_engines:Giving"


def computed(name: str = GIVING, **changes: Any) -> RawLevels:
    policy = foreign_policy(name)
    return levels_of(ForeignEngine(name), policy, plain(policy, **changes), ())


@pytest.fixture
def gives(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a way to say what the engine `Giving` gives instead of the plain levels."""

    def say(**instead: Any) -> None:
        monkeypatch.setattr(Giving, "gives", SimpleNamespace(**{**PLAIN, **instead}))

    return say


def test_the_old_engine_gives_what_v3_5_fraction_gives_bit_for_bit() -> None:
    policy, engine = foreign_policy(OLD_ENGINE), NamedEngines(OLD_ENGINE)

    for inputs in random_inputs(V3_5_FRACTION, seed=9, count=500):
        own, shipped = levels_of(engine, policy, inputs, ()), compute(V3_5_FRACTION, inputs)
        told = ("lsf", "pnl_factor", "lsf_adjusted", "tp1", "tp2", "tp3", "sl", "harvest", "refusal")
        assert repr([getattr(own, name) for name in told]) == repr([getattr(shipped, name) for name in told])


def test_an_ignored_input_is_not_passed_so_that_the_deployed_policy_comes_out_too() -> None:
    policy = foreign_policy(OLD_ENGINE, Unit.PERCENT, ignores=V3_5.ignores)
    inputs = plain(policy, funding=0.01, divergence=0.7)

    own, shipped = ForeignEngine(OLD_ENGINE).compute(policy, inputs, ()), compute(V3_5, inputs)

    assert (own.tp1, own.tp2, own.tp3, own.sl) == (shipped.tp1, shipped.tp2, shipped.tp3, shipped.sl)


def test_the_policy_of_an_engine_has_bases_in_its_unit() -> None:
    fraction, percent = foreign_policy(GIVING), foreign_policy(GIVING, Unit.PERCENT)

    assert fraction.parameters == {"base_tp": 0.01, "base_sl": 0.005}
    assert percent.parameters == {"base_tp": 1.0, "base_sl": 0.5}
    assert fraction.is_foreign
    assert not V3_5.is_foreign


def test_no_floor_no_cap_and_nothing_bound_is_told() -> None:
    raw = computed()

    assert (raw.floor, raw.cap, raw.bounds, raw.lsf_adjusted) == (0.0, 1.0, (), raw.lsf)


def test_its_levels_are_rounded_sliced_and_guarded_by_the_domain(gives: Any) -> None:
    gives(sl_pct=0.0001, tp2_pct=0.009)
    policy = foreign_policy(GIVING)
    inputs = inputs_for(policy)

    raw = ForeignEngine(GIVING).compute(policy, inputs, BTCUSDT.brackets)
    judged = judge_levels(policy.unit, inputs, raw, BTCUSDT, FRESH)

    assert judged.triggers is not None
    assert judged.triggers.sl == Decimal("43246.2"), "rounded toward the entry: there is no floor to keep"
    assert sum(part.quantity for part in judged.slices) == Decimal("0.3")
    assert {"stop_wider_than_costs", "targets_increasing"} <= judged.guards.failed.keys()


@pytest.mark.parametrize("number", [1, np.float64(0.25), np.float32(0.25), Decimal("0.25")])
def test_any_kind_of_number_becomes_a_plain_double(gives: Any, number: Any) -> None:
    gives(tp1_pct=number, harvest_scheme=(number, 0.0, 1.0 - float(number)))

    raw = computed()

    assert type(raw.tp1) is float
    assert [type(share) for share in raw.harvest] == [float] * 3
    assert raw.tp1 == float(number)


def test_thirds_are_a_harvest_scheme(gives: Any) -> None:
    gives(harvest_scheme=[0.333333333333, 0.333333333333, 0.333333333333])

    assert computed().harvest == (0.333333333333, 0.333333333333, 0.333333333333)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("tp1_pct", float("nan"), "tp1 is nan; allowed: a number above 0, up to 1e15"),
        ("tp2_pct", float("inf"), "tp2 is inf; allowed: a number above 0, up to 1e15"),
        ("tp3_pct", "0.01", "tp3 is '0.01'; allowed: a number above 0, up to 1e15"),
        ("sl_pct", None, "sl is None; allowed: a number above 0, up to 1e15"),
        ("lsf", True, "lsf is True; allowed: a number from -1e15 to 1e15"),
        ("harvest_scheme", None, "harvest is None; allowed: three shares"),
        ("harvest_scheme", "abc", "harvest is 'abc'; allowed: three shares"),
        ("harvest_scheme", [0.5, 0.5], "harvest is [0.5, 0.5]; allowed: three shares"),
        ("harvest_scheme", [0.5, 0.5, 0.5], "harvest is (0.5, 0.5, 0.5); allowed: three shares"),
        ("harvest_scheme", [1.5, -0.5, 0.0], "harvest[0] is 1.5; allowed: a number from 0 to 1"),
        ("harvest_scheme", [0.5, float("nan"), 0.5], "harvest[1] is nan"),
    ],
)
def test_what_is_no_level_is_named_with_field_and_value(
    gives: Any, field: str, value: Any, said: str
) -> None:
    gives(**{field: value})

    with pytest.raises(EngineFailed) as failed:
        computed()

    assert str(failed.value).startswith(f"engine {GIVING}: {said}")


@pytest.mark.parametrize("field", PLAIN)
def test_a_missing_attribute_is_named(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    rest = {name: value for name, value in PLAIN.items() if name != field}
    monkeypatch.setattr(Giving, "gives", SimpleNamespace(**rest))

    with pytest.raises(EngineFailed, match=f"allowed: an object with {field}$"):
        computed()


@pytest.mark.parametrize("gave", [None, PLAIN, [0.01] * 6, "levels"])
def test_what_is_no_levels_at_all_is_refused(monkeypatch: pytest.MonkeyPatch, gave: Any) -> None:
    monkeypatch.setattr(Giving, "gives", gave)

    with pytest.raises(EngineFailed, match=r"what it gave is .* allowed: an object with lsf$"):
        computed()


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("Failing", "ValueError: no levels for 20.0"),
        ("Leaving", "SystemExit: 0"),
        ("Speechless", "tests.foreign_engines.Unspeakable: <Unspeakable that can not be shown>"),
    ],
)
def test_an_engine_that_fails_is_one_sentence(engine: str, said: str) -> None:
    name = f"foreign:tests.foreign_engines:{engine}"

    with pytest.raises(EngineFailed) as failed:
        computed(name)

    assert str(failed.value) == f"engine {name} failed: {said}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("foreign:not_there:Engine", "cannot be loaded: ModuleNotFoundError: No module named 'not_there'"),
        ("foreign:exitbrain:Nothing", "cannot be loaded: module exitbrain has no class Nothing"),
        ("foreign:tests.foreign_engines:PLAIN", "cannot be loaded: module tests.foreign_engines has no class PLAIN"),
        ("foreign:tests.foreign_engines:Mute", "has no method compute_levels"),
        ("foreign:tests.foreign_engines:Unbuildable", "cannot be built: KeyError: 'no configuration'"),
    ],
)  # fmt: skip
def test_an_engine_that_is_not_there_is_one_sentence(name: str, said: str) -> None:
    with pytest.raises(EngineUnavailable) as unavailable:
        computed(name)

    assert str(unavailable.value) == f"engine {name} {said}"


@pytest.mark.parametrize(
    "name", ["foreign:a", "foreign:a:", "foreign:a b:C", "foreign:a:b.C", "foreign:.a:C", "a:C"]
)
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"allowed: foreign:package\.module:Class"):
        foreign_policy(name)
    with pytest.raises(InvalidValue, match=r"allowed: foreign:package\.module:Class"):
        ForeignEngine(name)


def test_one_instance_serves_all_calls_with_the_same_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[float, float]] = []
    monkeypatch.setattr(Giving, "__init__", lambda _, base_tp, base_sl: built.append((base_tp, base_sl)))
    engine, policy = ForeignEngine(GIVING), foreign_policy(GIVING)

    for _ in range(3):
        engine.compute(policy, plain(policy), ())

    assert built == [(0.01, 0.005)]


def test_a_foreign_engine_that_only_a_store_names_is_not_loaded() -> None:
    policy = foreign_policy("foreign:not_there:Engine")

    with pytest.raises(UnknownPolicy, match="'foreign:not_there:Engine' is not known"):
        NamedEngines().compute(policy, plain(policy), ())


def test_an_outside_copy_of_v3_6_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    name = "foreign:engine_v3_6:EngineLikeV36"
    policy, engine, shipped = foreign_policy(name), ForeignEngine(name), BuiltInFormulas()
    brackets = BTCUSDT.brackets
    refusals, bound = set(), set()

    for inputs in (*random_inputs(V3_6, seed=15, count=1_500), *threshold_inputs(V3_6, brackets)):
        for known in ((), brackets):
            own, expected = levels_of(engine, policy, inputs, known), shipped.compute(V3_6, inputs, known)
            assert repr(own) == repr(expected), inputs
            refusals.add(own.refusal)
            bound |= {each.constraint for each in own.bounds}

    assert refusals == {None, "NO_STOP_FITS", "LEVERAGE_NOT_IN_BRACKET"}
    assert bound == set(CONSTRAINTS) - {"clamp_min"}


class Asking:
    """Remember what it is asked, by a method that names some of the further inputs."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, base_tp: float, base_sl: float) -> None:
        self.bases = (base_tp, base_sl)

    def compute_levels(
        self, *given: float, quantity: float | None, brackets: Any, side: str = "", **rest: Any
    ) -> Any:
        self.asked.append({"quantity": quantity, "brackets": brackets, "side": side, **rest})
        return SimpleNamespace(**PLAIN)


def test_an_engine_gets_the_further_inputs_that_its_method_names_and_no_others() -> None:
    Asking.asked.clear()
    name = f"foreign:{__name__}:Asking"
    policy = foreign_policy(name)
    inputs = plain(policy, entry_price=Decimal("43250.1"), quantity=Decimal("0.3"), side=Side.SHORT)

    ForeignEngine(name).compute(policy, inputs, BTCUSDT.brackets)

    assert Asking.asked == [
        {
            "quantity": 0.3,
            "brackets": BTCUSDT.brackets,
            "side": "SHORT",
            "volatility_factor": 1.0,
            "funding_delta": 0.0001,
            "exchange_divergence": 0.25,
        }
    ]


def test_an_engine_may_give_the_other_fields(gives: Any) -> None:
    gives(
        pnl_factor=0.9, lsf_adjusted=0.2, floor=0.001, cap=0.02, bounds=[Bound("sl", "own_limit", 0.5, 0.01)]
    )

    raw = computed()

    assert (raw.pnl_factor, raw.lsf_adjusted, raw.floor, raw.cap) == (0.9, 0.2, 0.001, 0.02)
    assert raw.bounds == (Bound("sl", "own_limit", 0.5, 0.01),)


def test_an_engine_may_refuse(gives: Any) -> None:
    gives(refusal="NO_STOP_FITS", sl_pct=-1.0)

    assert computed().refusal == "NO_STOP_FITS"


@pytest.mark.parametrize(("field", "value"), [("refusal", "TOO_RISKY"), ("cap", -0.1), ("bounds", ["tight"])])
def test_a_further_field_is_checked(gives: Any, field: str, value: Any) -> None:
    gives(**{field: value})

    with pytest.raises(EngineFailed, match=field):
        computed()
