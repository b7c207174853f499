"""The policies of a table of outcomes, and what holds for the whole table."""

import json

from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.results import RECORDED, Question
from exitbrain.application.whatif.rows import AS_TRADED, BASELINE, PolicyRow, TableLabel
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.policy import Policy

TRADED = "as traded"
AT_COST = "cost"


def label_of(question: Question) -> TableLabel:
    """Return the label of the table of a question."""
    return TableLabel(question.unit.value, question.baseline_name, question.closes.table.hash)


def label_of_simulation(policy: Policy) -> TableLabel:
    """Return the label of the table of a simulation, whose totals are fractions of the first notional."""
    return TableLabel(ResultUnit.FIRST.value, policy.name, None)


def policies_of(question: Question) -> list[PolicyRow]:
    """Return the policies of a question: as traded, the baseline, and the candidates."""
    terms = question.terms
    traded = PolicyRow(AS_TRADED, "as_traded", TRADED, None, None, "{}", "{}", None, None)
    if question.baseline is None:
        baseline = PolicyRow(
            BASELINE, "baseline", RECORDED, None, None, "{}", _rules(terms, None), None, None
        )
    else:
        baseline = _policy(BASELINE, "baseline", question.baseline, terms)
    candidates = [
        _policy(number, "candidate", policy, terms)
        for number, policy in enumerate(question.candidates, start=1)
    ]
    return [traded, baseline, *candidates]


def policies_of_simulation(terms: Terms) -> list[PolicyRow]:
    """Return the policy of a simulation."""
    return [_policy(BASELINE, "baseline", terms.policy, terms)]


def _policy(number: int, role: str, policy: Policy, terms: Terms) -> PolicyRow:
    return PolicyRow(
        number=number,
        role=role,
        name=policy.name,
        formula=policy.formula,
        unit=policy.unit.value,
        parameters=_json(policy.parameters),
        rules=_rules(terms, policy),
        parameters_hash=policy.parameters_hash,
        fingerprint=None if policy.is_foreign else fingerprint(policy),
    )


def _rules(terms: Terms, policy: Policy | None) -> str:
    """Return the rules and costs of the walk, null where the default or the recorded value counts."""
    trailing, break_even = terms.trailing, terms.break_even
    return _json(
        {
            "fee_bps": terms.fee_bps,
            "slippage_bps": terms.slippage_bps,
            "maker_fee_bps": terms.maker_fee_bps,
            "break_even": None
            if break_even is None
            else AT_COST
            if break_even.offset is None
            else break_even.offset,
            "trailing": None
            if trailing is None
            else {"activation": trailing.activation, "distance": trailing.distance},
            "time_stop_ms": terms.time_stop_ms,
            "rule_interval_ms": terms.rule_interval_ms,
            "tp_execution": terms.tp_execution.value,
            "working_type": terms.working_type.value,
            "ignores": [] if policy is None else sorted(policy.ignores),
        }
    )


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))
