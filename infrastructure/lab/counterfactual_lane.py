"""Choose the lane of a counterfactual: rows for few answers or any engine, columns for very many answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from exitbrain.application.ports.decision_log import DecisionLog
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import EVERYTHING, Selection
from exitbrain.application.whatif.decisions import Counterfactual, Pair, RowCounterfactual
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.policies.formulas.registry import FORMULAS
from exitbrain.domain.policies.policy import Policy
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.engines.named import NamedEngines
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.lab.spread import ParallelMap

Lane = Literal["row", "columnar"]

ANSWERS_WORTH = 200_000
"""Log entries times policies from which columns are faster, since they take seconds to start."""

POLICIES_WORTH = 100
"""Policies from which columns are faster: rows compile each formula, some hundredths of a second each."""


class NoColumns(ExitBrainError):
    """Columns were requested but are not possible; the text gives the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers, and the lane used."""

    counterfactual: Counterfactual
    lane: Lane


class CounterfactualRequest:
    """Ask policies about the decisions of a ledger, in the faster lane."""

    def __init__(
        self,
        ledger: ExitLedger,
        policies: Policies,
        snapshots: Snapshots,
        decisions: DecisionLog,
        engine: LevelEngine,
        mirror_folder: Path | None = None,
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._snapshots = snapshots
        self._engine = engine
        self._rows = RowCounterfactual(policies, snapshots, decisions, engine)
        self._mirror_folder = mirror_folder

    def run(
        self,
        policies: Sequence[Policy],
        selection: Selection = EVERYTHING,
        *,
        lane: Lane | None = None,
        progress: Callable[[int, int], None] | None = None,
        pairs: Callable[[Pair], None] | None = None,
        on: ParallelMap | None = None,
        store: str = "",
    ) -> Asked:
        """Ask every policy; `pairs` gets each answer (rows only), `progress` log positions and answers.

        In columns, `on` a cluster, the policies are shared out among workers that open the store at the URL
        `store`. Raises NoColumns if the columnar lane is requested but not possible.
        """
        why_not = self._why_no_columns(policies, pairs)
        if lane == "columnar" and why_not is not None:
            raise NoColumns(why_not)
        many = len(policies) >= POLICIES_WORTH or len(policies) * self._ledger.head() >= ANSWERS_WORTH
        if lane == "columnar" or (lane is None and why_not is None and many):
            return Asked(self._in_columns(policies, selection, progress, on, store), "columnar")

        def reached(position: int, decisions: int) -> None:
            if progress is not None:
                progress(position, decisions * len(policies))

        return Asked(self._rows.run(policies, selection, progress=reached, pairs=pairs), "row")

    def _why_no_columns(self, policies: Sequence[Policy], pairs: Callable[[Pair], None] | None) -> str | None:
        if pairs is not None:
            return "pairs are made row by row"
        if not isinstance(self._ledger, StoredLedger):
            return "columns can only be read from ExitBrain's own store, not from this ledger"
        if type(self._engine) not in (BuiltInFormulas, NamedEngines):  # not a subclass
            return "columns can only compute ExitBrain's own formulas, not this engine"
        if foreign := [policy.formula for policy in policies if policy.formula not in FORMULAS]:
            return f"formula {foreign[0]} is computed row by row"
        try:
            import numba  # noqa: F401, PLC0415 - an extra
            import pyarrow as pa  # noqa: F401, PLC0415
        except ImportError as missing:
            return f"columns need the extra exitbrain[lab]: {missing}"
        return None

    def _in_columns(
        self,
        policies: Sequence[Policy],
        selection: Selection,
        progress: Callable[[int, int], None] | None,
        on: ParallelMap | None,
        store: str,
    ) -> Counterfactual:
        from exitbrain.infrastructure.lab.columnar_counterfactual import (  # noqa: PLC0415 - an extra
            ColumnarCounterfactual,
        )
        from exitbrain.infrastructure.lab.mirror import fresh_mirror  # noqa: PLC0415
        from exitbrain.infrastructure.lab.spread_counterfactual import SweepTask, ask_on  # noqa: PLC0415

        assert isinstance(self._ledger, StoredLedger)
        folder = self._mirror_folder
        if on is not None:
            there = None if folder is None or not folder.is_dir() else folder.absolute()
            head = self._ledger.head()

            def reached(done: int, of: int) -> None:
                if progress is not None:
                    progress(head * done // of, head * done)

            return ask_on(on, policies, SweepTask(store, there, selection), reached)
        mirror = None
        if folder is not None and folder.is_dir():
            mirror = fresh_mirror(self._ledger, folder)
        columns = ColumnarCounterfactual(self._ledger, self._policies, self._snapshots, mirror)
        return columns.run(policies, selection, progress=progress)
