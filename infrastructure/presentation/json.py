"""The result type of each command, from which the JSON Schemas are made."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from exitbrain.infrastructure.presentation.booked_close import BookCloseReport
from exitbrain.infrastructure.presentation.dead_letters import DlqListReport, DlqRetryReport, DlqShowReport
from exitbrain.infrastructure.presentation.derivation import ExplainReport
from exitbrain.infrastructure.presentation.index import IndexReport
from exitbrain.infrastructure.presentation.ingest import IngestReport
from exitbrain.infrastructure.presentation.installation import DoctorReport, VersionReport
from exitbrain.infrastructure.presentation.lab_example import LabExampleReport
from exitbrain.infrastructure.presentation.levels import LevelsReport
from exitbrain.infrastructure.presentation.lookahead import LookaheadReport
from exitbrain.infrastructure.presentation.lsf import LsfAuditReport
from exitbrain.infrastructure.presentation.mirror import ExportReport
from exitbrain.infrastructure.presentation.plan import PlanReport
from exitbrain.infrastructure.presentation.policies import (
    PolicyDiffReport,
    PolicyListReport,
    PolicyShowReport,
)
from exitbrain.infrastructure.presentation.positions import PositionsReport
from exitbrain.infrastructure.presentation.receipt import ReceiptReport
from exitbrain.infrastructure.presentation.replays import ReplayVerdicts
from exitbrain.infrastructure.presentation.simulation import SimulateReport
from exitbrain.infrastructure.presentation.whatif import WhatIfReport

RESULTS: dict[str, type[Struct]] = {
    "levels": LevelsReport,
    "explain": ExplainReport,
    "ingest": IngestReport,
    "replay": ReplayVerdicts,
    "export parquet": ExportReport,
    "whatif": WhatIfReport,
    "audit lsf": LsfAuditReport,
    "policy list": PolicyListReport,
    "policy show": PolicyShowReport,
    "policy diff": PolicyDiffReport,
    "positions": PositionsReport,
    "plan": PlanReport,
    "receipt": ReceiptReport,
    "index": IndexReport,
    "book close": BookCloseReport,
    "dlq list": DlqListReport,
    "dlq show": DlqShowReport,
    "dlq retry": DlqRetryReport,
    "lab lookahead": LookaheadReport,
    "lab example": LabExampleReport,
    "doctor": DoctorReport,
    "version": VersionReport,
    "simulate": SimulateReport,
}
"""The result of each command; the demo adds its own."""


def schemas(results: Mapping[str, type[Struct]] = RESULTS) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each result, by the name of its command."""
    return {command: msgspec.json.schema(result) for command, result in results.items()}
