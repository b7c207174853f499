"""Commands say which engine computed a decision, and that another one computed it again."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from exitbrain import Bracket, ExitBrain, LevelInputs, Policy, RawLevels, incoming_message
from exitbrain.domain.policies.formulas.registry import compute
from exitbrain.domain.values import changed
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.unit.cli.conftest import Exitbrain

STORE = "sqlite:///host.db"


class RiskDesk:
    """An engine of a host: the stop is three times as wide; it has nothing to say above 100x."""

    name = "risk desk"

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        if inputs.leverage > 100.0:
            raise LookupError("no model above 100x")
        raw = compute(policy, inputs, brackets)
        return changed(raw, sl=raw.sl * 3)


@pytest.fixture
def plan_id(exitbrain: Exitbrain) -> Iterator[str]:
    """Return the plan of a position in the store of a host, whose second message its engine refused."""
    with closing(open_ledger(STORE, create=True)) as ledger:
        brain = ExitBrain(ledger, engine=RiskDesk())
        said = {"symbol": "BTCUSDT", "side": "BUY", "price": "43250.5", "quantity": "0.3"}
        first, second = brain.handle_batch(
            [
                incoming_message("trade.intent", {**said, "leverage": leverage}, entry_id=f"{number}-0")
                for number, leverage in enumerate((20, 125), start=1_767_268_800_000)
            ]
        )
        assert (first.reason, second.reason) == (None, "ENGINE_FAILED")
        assert first.decision is not None
    yield str(first.decision.plan_id)
    Path("host.db").unlink()


def test_a_plan_and_a_decision_name_the_engine(exitbrain: Exitbrain, plan_id: str) -> None:
    plan = exitbrain("plan", plan_id, "--store", STORE, "--json").report
    decisions = [event["decision"] for event in plan["events"] if event["decision"] is not None]
    assert [one["engine"] for one in decisions] == ["risk desk"]
    assert "computed by risk desk" in exitbrain("plan", plan_id, "--store", STORE).stdout

    explained = exitbrain("explain", decisions[0]["decision_id"], "--store", STORE, "--json")
    recorded = explained.report["recorded"]
    assert explained.code == 1
    assert (explained.report["engine"], recorded["engine"], recorded["verdict"]) == (
        "exitbrain",
        "risk desk",
        "DRIFT",
    )
    assert recorded["first_drift"]["recorded_by"] == "risk desk"
    text = exitbrain("explain", decisions[0]["decision_id"], "--store", STORE).stdout
    assert text.startswith("Computed again, not as recorded: SL 0.02 %: base 0.50 % × ")
    assert (
        "computed by risk desk: DRIFT in levels.raw.sl, recorded 0.06, derived 0.02 by exitbrain"
        in " ".join(text.split())
    )


def test_the_chain_of_a_live_decision_names_what_is_published_of_it(
    exitbrain: Exitbrain, plan_id: str
) -> None:
    chain = exitbrain("explain", plan_id, "--chain", "--store", STORE, "--json").report["chain"]
    text = exitbrain("explain", plan_id, "--chain", "--store", STORE).stdout

    assert chain["published"] == {
        "event_types": ["exitbrain.adaptive_levels", "levels_computed"],
        "log_position": chain["log_position"],
    }
    assert f"levels_computed, with log_position {chain['log_position']}\n" in text


@pytest.mark.parametrize("flags", [(), ("--from-receipts",)])
def test_a_replay_says_that_another_engine_had_computed(
    exitbrain: Exitbrain, plan_id: str, flags: tuple[str, ...]
) -> None:
    ended = exitbrain("replay", *flags, "--store", STORE)
    drift = exitbrain("replay", *flags, "--store", STORE, "--json").report["first_drift"]

    assert ended.code == 1
    assert "engine risk desk had computed it, exitbrain computed it again" in ended.stdout
    assert (drift["recorded_by"], drift["recomputed_by"]) == ("risk desk", "exitbrain")


def test_a_receipt_tells_what_the_engine_did(exitbrain: Exitbrain, plan_id: str) -> None:
    receipt = exitbrain("receipt", "1767268800001-0", "--store", STORE, "--json").report

    assert (receipt["outcome"], receipt["reason"]) == ("REFUSED", "ENGINE_FAILED")
    assert receipt["refusal"] == {
        "field": "answer of engine risk desk",
        "value": "LookupError: no model above 100x",
        "allowed": "levels",
    }


def test_levels_of_our_formulas_are_named_too(exitbrain: Exitbrain) -> None:
    own = exitbrain("levels", "--leverage", "20", "--json").report
    foreign = exitbrain(
        "levels", "--leverage", "20", "--policy", "foreign:exitbrain:AdaptiveLeverageEngine", "--json"
    ).report

    assert (own["engine"], foreign["engine"]) == ("exitbrain", "foreign:exitbrain:AdaptiveLeverageEngine")
