"""Questions about a record: levels, replays, what-ifs, changes of the LSF."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Unpack

from exitbrain.application.ports.decision_log import DecisionLog
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.instruments import Instruments
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.translator import Translator
from exitbrain.application.queries.explain import Explanation, explain
from exitbrain.application.queries.lsf_history import LsfAudit, LsfChange
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recording.intake import Intake
from exitbrain.application.replay.context import ContextAudit
from exitbrain.application.replay.decisions import EVERYTHING, DecisionReplay, ReplayReport, Selection
from exitbrain.application.replay.intake import IntakeReplay
from exitbrain.application.whatif.decisions import Counterfactual
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.names import check_name
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.variant import variant_of
from exitbrain.domain.values import changed
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS
from exitbrain.infrastructure.lab.counterfactual_lane import CounterfactualRequest
from exitbrain.infrastructure.library.arguments import check
from exitbrain.infrastructure.library.given import GivenInputs, checked, level_inputs, moment
from exitbrain.infrastructure.library.outcome_options import OutcomeOptions, path_given
from exitbrain.infrastructure.library.outcomes import LabOutcomes, OutcomeRequest
from exitbrain.infrastructure.reasons import load_reasons

A_POLICY = "the name of a policy, or a Policy"
A_SELECTION = 'a Selection, such as Selection(symbol="ETHUSDT")'


class ExitQuestions:
    """Explain, replay and compare the decisions of a ledger; nothing is recorded.

    A `whatif` reads the columnar mirror in `mirror_folder`, if there is one. `outcomes` reads the table of reasons in
    `reasons_file` (None: the shipped one), and market data within `file_limits`.
    """

    def __init__(
        self,
        ledger: ExitLedger,
        decisions: DecisionLog,
        engine: LevelEngine,
        translator: Translator,
        instruments: Instruments,
        settings: DecisionSettings,
    ) -> None:
        self.ledger = ledger
        self._decisions = decisions
        self._engine = engine
        self._translator = translator
        self._instruments = instruments
        self._settings = settings
        self._intake = Intake(engine, translator)
        self.mirror_folder: Path | None = None
        self.reasons_file: Path | None = None
        self.file_limits = DEFAULT_LIMITS

    def levels(
        self,
        *,
        policy: str | None = None,
        symbol: str = "",
        freshness: Freshness | None = None,
        **given: Unpack[GivenInputs],
    ) -> Explanation:
        """Return the levels for inputs given as keywords, which `GivenInputs` lists; records nothing.

        The policy is the named one, or the one in force for the symbol; the instrument is that of the symbol. The
        message behind the inputs counts as just arrived unless `freshness` is given. An engine that
        was brought computes without a derivation. Raises InvalidValue, UnknownPolicy and EngineFailed.
        """
        chosen, instrument = self._policy(policy, symbol), self._instrument(symbol)
        inputs = level_inputs(chosen, instrument, self._settings, **given)
        return explain(self._engine, chosen, inputs, instrument, self._freshness(freshness))

    def levels_for(
        self,
        inputs: LevelInputs,
        *,
        policy: str | None = None,
        symbol: str = "",
        freshness: Freshness | None = None,
    ) -> Explanation:
        """Return the levels for complete inputs, such as those of a recorded decision; see `levels`."""
        check("inputs", inputs, LevelInputs, "LevelInputs; levels(...) takes single inputs as keywords")
        chosen = self._policy(policy, symbol)
        instrument, age = self._instrument(symbol), self._freshness(freshness)
        return explain(self._engine, chosen, checked(inputs), instrument, age)

    def replay(
        self, selection: Selection = EVERYTHING, *, from_receipts: bool = False, context: bool = False
    ) -> ReplayReport:
        """Replay the selected decisions; or the intake from raw messages; or audit the recorded context.

        The latter two need the whole log, so they take no selection.
        """
        check("selection", selection, Selection, A_SELECTION)
        if not from_receipts and not context:
            return DecisionReplay(
                Policies(self.ledger), Snapshots(self.ledger), self._decisions, self._engine
            ).run(_aware(selection))
        if selection != EVERYTHING:
            raise InvalidValue("selection", selection, "none, since this replay needs the whole log")
        if from_receipts and context:
            raise InvalidValue("replay", "from_receipts and context", "one of them at a time")
        if from_receipts:
            return IntakeReplay(self.ledger, self._intake, MAPPER.to_stored_event).run()
        return ContextAudit(self.ledger, self._translator).run()

    def whatif(
        self,
        policy: str | Policy,
        *variants: Mapping[str, float],
        selection: Selection = EVERYTHING,
    ) -> Counterfactual:
        """Return what a policy would have said on the recorded decisions, or each of its variants; records nothing.

        A policy is the name of one in the store, or any `Policy`. A variant names the parameters to change;
        the answers come in the order of the variants. It is fastest to pass many in one call. Raises InvalidValue for a
        parameter that the policy has not or that gives no finite level above 0, UnknownPolicy, and EngineFailed.
        """
        policies = self._variants(policy, variants)
        request = CounterfactualRequest(
            self.ledger,
            Policies(self.ledger),
            Snapshots(self.ledger),
            self._decisions,
            self._engine,
            self.mirror_folder,
        )
        return request.run(policies, _aware(selection)).counterfactual

    def outcomes(
        self,
        policy: str | Policy,
        *variants: Mapping[str, float],
        candles: str | Path,
        baseline: str | Policy | None = None,
        selection: Selection = EVERYTHING,
        **options: Unpack[OutcomeOptions],
    ) -> LabOutcomes:
        """Walk the recorded positions on candles under a policy, or each of its variants, and judge them.

        Policy and variants are those of `whatif`; several variants are judged as a family. `candles` is a folder or a
        file, `baseline` the policy to compare with (None: the levels as recorded). `OutcomeOptions` lists the options.
        The numbers are those of `exitbrain whatif --candles`, bit for bit; records nothing. Raises InvalidValue,
        UnknownPolicy, EngineFailed, MarketUnreadable, and LaboratoryMissing without the extra `lab`.
        """
        candidates = self._variants(policy, variants)
        compared = None if baseline is None else self._given_policy("baseline", baseline)
        check("candles", candles, (str, Path), "the path of a folder or file of candles")
        reasons = load_reasons(path_given("reasons", options.get("reasons")) or self.reasons_file)
        request = OutcomeRequest(self.ledger, self._translator, self._engine, reasons, self.file_limits)
        return request.run(candidates, compared, Path(candles), _aware(selection), options)

    def lsf_changes(self, selection: Selection = EVERYTHING, *, closes: bool = False) -> Iterator[LsfChange]:
        """Yield every change of the adjusted LSF in log order, attributed exactly.

        With `closes`, each change includes the closes behind the average PnL before and after.
        """
        return LsfAudit(self.ledger, self._engine).changes(_aware(selection), closes=closes)

    def _variants(self, policy: str | Policy, variants: Sequence[Mapping[str, float]]) -> list[Policy]:
        base = self._given_policy("policy", policy)
        for changes in variants:
            check("variant", changes, Mapping, "a mapping from names of parameters to numbers")
        return [variant_of(base, changes) for changes in variants or ({},)]

    def _given_policy(self, what: str, policy: str | Policy) -> Policy:
        check(what, policy, (str, Policy), A_POLICY)
        return self.ledger.register().named(policy).policy if isinstance(policy, str) else policy

    def _policy(self, name: str | None, symbol: str) -> Policy:
        check("policy", name, (str, NoneType), "the name of a policy")
        check("symbol", symbol, str, "the name of a symbol")
        if symbol:
            check_name("symbol", symbol)
        register = self.ledger.register()
        return (register.in_force(symbol) if name is None else register.named(name)).policy

    def _instrument(self, symbol: str) -> Instrument | None:
        return self._instruments.instrument(symbol) if symbol else None

    def _freshness(self, given: Freshness | None) -> Freshness:
        check("freshness", given, (Freshness, NoneType), "a Freshness")
        return Freshness(0.0, self._settings.max_intent_age_s) if given is None else given


def _aware(selection: Selection) -> Selection:
    """Return a selection whose times can be compared; raises InvalidValue for a naive one."""
    check("selection", selection, Selection, A_SELECTION)
    if selection.since is None and selection.until is None:
        return selection
    return changed(
        selection,
        since=None if selection.since is None else moment("since", selection.since),
        until=None if selection.until is None else moment("until", selection.until),
    )
