"""Recorded positions walked under policies, as tables and verdicts for a host."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.market import Omitted
from exitbrain.application.ports.translator import Translator
from exitbrain.application.queries.recorded_positions import recorded_positions
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import Selection
from exitbrain.application.whatif.policy_rows import label_of, policies_of
from exitbrain.application.whatif.results import OutcomeResults, Question, find_outcomes
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.verdict import Evidence
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.positions.ended_by import ReasonTable
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.files.limits import FileLimits
from exitbrain.infrastructure.library.outcome_options import (
    OutcomeOptions,
    check_names,
    closes_given,
    off_market_counts,
    path_given,
    seed_given,
    terms_given,
    unit_given,
)

if TYPE_CHECKING:  # an extra
    import pandas as pd
    import pyarrow as pa


class LaboratoryMissing(ExitBrainError):
    """The laboratory is not installed; the text says what is missing."""


class JudgedPolicy(Struct, frozen=True):
    """The evidence on a policy, or on choosing the best of the past from a family.

    `number` is the policy's number in the tables and `policy` its name. `difference` bounds the sum of its net results
    minus the baseline's, in `unit`. All three are None for a choice from a family, which has several policies.
    """

    number: int | None
    policy: str | None
    unit: str
    difference: Interval | None
    evidence: Evidence


class LabOutcomes:
    """Recorded positions under a baseline and candidates: what `whatif --candles` finds, bit for bit.

    The tables are those that `--table` writes, as Arrow tables in memory.
    """

    def __init__(self, results: OutcomeResults, tables: "dict[str, pa.Table]") -> None:
        self._results = results
        self._tables = tables

    def table(self) -> "pa.Table":
        """Return the outcomes: one row for each position and policy."""
        return self._tables["outcomes"]

    def to_pandas(self) -> "pd.DataFrame":
        """Return the outcomes as a pandas data frame."""
        return self.table().to_pandas()

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """Yield the outcomes in batches of rows."""
        yield from self.table().to_batches()

    def policies(self) -> "pa.Table":
        """Return the policies with every parameter and rule."""
        return self._tables["policies"]

    def legs(self) -> "pa.Table":
        """Return the legs: one row for each leg of each bound."""
        return self._tables["legs"]

    def verdict(self) -> JudgedPolicy:
        """Return the verdict on the single candidate, or on choosing from the family by walking forward."""
        family = self._results.family_evidence
        if family is None:
            return self._judged(0)
        return JudgedPolicy(None, None, self._results.question.unit.value, None, family.chosen)

    def best(self) -> JudgedPolicy:
        """Return the candidate with the highest lower difference to the baseline, with its own evidence."""
        totals = self._results.panel.totals
        return self._judged(max(range(len(totals)), key=lambda place: totals[place].everything.lower))

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Return what was assumed where the record or the market data say nothing."""
        return tuple(self._results.assumptions)

    @property
    def data_left_out(self) -> tuple[Omitted, ...]:
        """Return the market data that could not be used."""
        return tuple(self._results.data_left_out)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return what was assumed of market data files, or passed over in them."""
        return tuple(self._results.remarks)

    def _judged(self, place: int) -> JudgedPolicy:
        results = self._results
        sums, family = results.panel.totals[place].everything, results.family_evidence
        evidence = results.evidence if family is None else family.policies[place]
        assert evidence is not None
        return JudgedPolicy(
            number=place + 1,
            policy=results.question.candidates[place].name,
            unit=results.question.unit.value,
            difference=Interval(sums.lower, sums.upper),
            evidence=evidence,
        )


class OutcomeRequest(Struct, frozen=True):
    """A record with what walks its positions."""

    ledger: ExitLedger
    translator: Translator
    engine: LevelEngine
    reasons: ReasonTable
    limits: FileLimits

    def run(
        self,
        candidates: Sequence[Policy],
        baseline: Policy | None,
        candles: Path,
        selection: Selection,
        options: OutcomeOptions,
    ) -> LabOutcomes:
        """Walk the positions of a selection; raises as `ExitBrain.outcomes`."""
        check_names(options)
        question = Question(
            baseline=baseline,
            candidates=candidates,
            terms=terms_given(options, candidates[0]),
            closes=closes_given(options, self.reasons),
            unit=unit_given(options),
            seed=seed_given(options),
            include_off_market=off_market_counts(options),
            family=len(candidates) > 1,
        )
        return self._answered(question, candles, selection, options)

    def _answered(
        self, question: Question, candles: Path, selection: Selection, options: OutcomeOptions
    ) -> LabOutcomes:
        try:
            from exitbrain.infrastructure.lab.judges import Statistics  # noqa: PLC0415 - an extra
            from exitbrain.infrastructure.lab.market_files import MarketFiles  # noqa: PLC0415 - an extra
            from exitbrain.infrastructure.lab.outcome_files import outcomes_in_memory  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as missing:
            raise LaboratoryMissing(f"outcomes need the extra exitbrain[lab]: {missing}") from missing

        market = MarketFiles(
            candles,
            mark=path_given("mark", options.get("mark")),
            lower_timeframe=path_given("finer", options.get("finer")),
            funding=path_given("funding", options.get("funding")),
            limits=self.limits,
        )
        with outcomes_in_memory(label_of(question), policies_of(question)) as (table, tables):
            results = find_outcomes(
                Policies(self.ledger),
                Snapshots(self.ledger),
                self.engine,
                market,
                question,
                recorded_positions(self.ledger, self.translator, selection),
                Statistics(),
                take=table.answers(question),
            )
        results.data_left_out, results.remarks = market.left_out, market.remarks
        return LabOutcomes(results, tables)
