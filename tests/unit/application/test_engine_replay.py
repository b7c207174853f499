"""Another engine on the recorded inputs: exact where it computes what was recorded, else where and how far it drifts."""

from typing import Any

import pytest

from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import Selection
from exitbrain.application.replay.engines import EngineReplay, EngineReport
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.values import Unit, changed
from exitbrain.infrastructure.engines.named import NamedEngines
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from tests.world import World, rewritten

OLD_ENGINE = "foreign:exitbrain:AdaptiveLeverageEngine"
WIDER_STOPS = "foreign:tests.foreign_engines:WiderStops"
FAILING = "foreign:tests.foreign_engines:Failing"
LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2}


def recorded(policy: str) -> World:
    world = World(policy=policy)
    for leverage in (5, 10, 20, 30):
        world.intent(**LONG, leverage=leverage, funding_rate=0.001, exchange_divergence=0.3)
    return world


def replayed(world: World, engine: str, unit: Unit | None = None, **selected: Any) -> EngineReport:
    replay = EngineReplay(
        Policies(world.ledger),
        Snapshots(world.ledger),
        DecodedDecisions(world.ledger),
        NamedEngines(engine),
        engine,
        unit,
    )
    return replay.run(Selection(**selected))


@pytest.mark.parametrize("policy", ["v3.5", "v3.5-fraction"])
def test_the_engine_that_ran_gives_its_record_bit_for_bit(policy: str) -> None:
    report = replayed(recorded(policy), OLD_ENGINE)

    assert (report.decisions, report.exact, report.clean) == (4, 4, True)
    assert report.first_drift is None
    assert [one.changed for one in report.fields.values()] == [0, 0, 0, 0, 0]


def test_an_engine_that_drifts_is_named_with_both_values_and_how_far() -> None:
    world = recorded("v3.5-fraction")
    stops = [
        entry.event.levels.raw.sl for entry in world.ledger.log() if isinstance(entry.event, LevelsComputed)
    ]

    report = replayed(world, WIDER_STOPS)

    assert (report.exact, report.drift, report.clean) == (2, 2, False)
    assert report.first_drift is not None
    assert report.first_drift.field == "levels.raw.sl"
    assert report.first_drift.recorded == repr(stops[2])
    assert report.first_drift.recomputed == repr(stops[2] * 5.0)
    spread = report.fields["sl"]
    assert (spread.changed, spread.min, spread.p05, spread.median) == (2, 0.0, 0.0, 0.0)
    assert spread.max == spread.p95 == stops[3] * 5.0 - stops[3]
    assert report.fields["tp1"].changed == 0


def test_levels_in_another_unit_are_compared_as_fractions() -> None:
    report = replayed(recorded("v3.5"), OLD_ENGINE, Unit.FRACTION)

    assert report.drift == 4
    assert report.fields["lsf"].changed == 0
    assert abs(report.fields["tp1"].max) < 1e-4
    assert report.guards["stop_wider_than_costs"] == (4, 0)


def test_a_decision_without_levels_is_a_finding_of_its_own() -> None:
    report = replayed(recorded("v3.5-fraction"), FAILING)

    assert (report.decisions, report.exact, report.failed, report.drift) == (4, 2, 2, 0)
    assert report.first_drift is not None
    assert report.first_drift.recomputed == f"engine {FAILING} failed: ValueError: no levels for 20.0"


def test_only_the_selected_decisions_are_computed() -> None:
    world = recorded("v3.5-fraction")
    world.intent(**{**LONG, "symbol": "ETHUSDT"}, leverage=20)

    assert replayed(world, FAILING, symbol="ETHUSDT").failed == 1


def test_a_recorded_policy_that_is_not_known_has_no_unit_to_compare_in() -> None:
    def of_another(event: Any) -> Any:
        unknown = PolicyRef("v9", "0" * 64, "0" * 64)
        return changed(event, policy=unknown) if isinstance(event, LevelsComputed) else None

    world = World(ledger=rewritten(recorded("v3.5").ledger, of_another))
    report = replayed(world, OLD_ENGINE)

    assert (report.unknown_policy, report.exact, report.clean) == (4, 0, False)
