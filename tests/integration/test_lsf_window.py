"""The LSF changes found in columns are those of the audit, and each can be explained exactly."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from exitbrain.application.queries.lsf_history import LsfAudit
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.lab.lsf_window import lsf_changes
from exitbrain.infrastructure.lab.mirror import Mirror
from tests.integration.mirrored import SPAN, alter, decision_positions, ledger_of, make_store

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("policy", ["v3.5", "v3.6"])
def test_columns_find_the_changes_that_the_audit_lists(policy: str, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    make_store(store, policy=policy, with_instruments=True)
    with closing(ledger_of(store)) as ledger:
        mirror = Mirror.of(ledger, tmp_path / "mirror", SPAN)
        mirror.export(ledger)
        audit = LsfAudit(ledger, BuiltInFormulas())
        listed = list(audit.changes())

        parts = list(lsf_changes(mirror))
        pairs = [
            (int(previous), int(position))
            for part in parts
            for previous, position in zip(part.previous_position, part.log_position, strict=True)
        ]

        assert len(parts) > 2
        assert np.concatenate([part.before for part in parts]).tolist() == [one.before for one in listed]
        assert np.concatenate([part.after for part in parts]).tolist() == [one.after for one in listed]
        assert [audit.between(*pair) for pair in pairs[::7]] == listed[::7]


def test_what_can_not_be_read_changes_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    make_store(store, messages=120)
    alter(store, decision_positions(store)[0], lambda _: b"no JSON")
    with closing(ledger_of(store)) as ledger:
        mirror = Mirror.of(ledger, tmp_path / "mirror", SPAN)
        mirror.export(ledger)

        (changes,) = lsf_changes(mirror)

        assert decision_positions(store)[0] not in changes.previous_position.tolist()
        with pytest.raises(ValueError, match="log position 1 holds no computed levels"):
            LsfAudit(ledger, BuiltInFormulas()).between(1, int(changes.log_position[0]))
