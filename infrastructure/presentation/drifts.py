"""The first field in which a record and its recomputation differ."""

from msgspec import Struct

from exitbrain.application.replay.decisions import Drift


class FirstDrift(Struct, omit_defaults=True):
    """The first field that differs. For an intake replay `decision_id` names the receipt.

    `recorded_by` and `recomputed_by` name the engines if they differ.
    """

    decision_id: str
    field: str
    recorded: str
    recomputed: str
    recorded_by: str | None = None
    recomputed_by: str | None = None


def first_drift_of(drift: Drift | None) -> FirstDrift | None:
    """Return the first difference that a replay found, in its printed form."""
    if drift is None:
        return None
    return FirstDrift(
        drift.subject,
        drift.field,
        drift.recorded,
        drift.recomputed,
        drift.recorded_by or None,
        drift.recomputed_by or None,
    )
