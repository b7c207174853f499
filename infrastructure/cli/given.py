"""Turn what a user typed into the inputs of a level computation or a selection of decisions."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from exitbrain.application.queries.explain import Explanation, explain
from exitbrain.application.replay.decisions import EVERYTHING, Selection
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.names import check_name, trimmed
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_5
from exitbrain.domain.policies.policy import FOREIGN, Policy
from exitbrain.domain.values import LEVERAGE_MAX, LEVERAGE_MIN, Assumption, Side, changed
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.options import InputFlags, flag_of
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.files.written import FOLDER_MODE, naming
from exitbrain.infrastructure.library.given import GivenInputs, level_inputs

_FRESH = Freshness(0.0, DecisionSettings().max_intent_age_s)
"""Inputs typed now are perfectly fresh."""

_DEFAULTED = ("side", "volatility", "funding", "divergence", "confidence", "average_pnl")
"""The inputs whose default comes from neither the policy nor the settings."""


_SIDES = {"buy": Side.LONG, "long": Side.LONG, "sell": Side.SHORT, "short": Side.SHORT}


@dataclass(frozen=True, slots=True)
class Given:
    """An explanation of given inputs, and the defaults used for those not given."""

    explanation: Explanation
    assumptions: tuple[Assumption, ...]


def explain_given(flags: InputFlags) -> Given:
    """Compute and explain the levels for what a user gave; raises InvalidValue, UnknownPolicy or WrongUsage.

    A foreign engine computes without explaining; raises EngineUnavailable and EngineFailed.
    """
    surroundings, typed = _surroundings(flags), _typed(flags)
    policy = _changed(_policy(surroundings.policy, flags.unit), flags)
    instrument = _instrument(flags, surroundings.instruments_file)
    inputs = _inputs(typed, policy, instrument, surroundings.decisions)
    if policy.is_foreign:
        explanation = _of_foreign(policy, inputs, instrument)
    else:
        explanation = explain(BuiltInFormulas(), policy, inputs, instrument, _FRESH)
    return Given(explanation, _assumptions(typed, inputs))


def new_or_empty_folder(option: str, name: str) -> Path:
    """Make a folder unless it is there and empty, and return its absolute path; raises WrongUsage or NotWritten."""
    folder = Path(name)
    with naming(name):
        if folder.exists() and not folder.is_dir():
            raise WrongUsage(f"{option} {name} is a file; allowed: a new or empty folder")
        if folder.is_dir() and any(folder.iterdir()):
            raise WrongUsage(f"{option} {name} is not empty; allowed: a new or empty folder")
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    return folder.absolute()


def symbol_of(text: str) -> str:
    """Return a symbol normalised as in messages: trimmed, in upper case if ASCII; raises InvalidValue."""
    symbol = check_name("--symbol", trimmed(text))
    return symbol.upper() if symbol.isascii() else symbol


def selection_of(since: str | None, until: str | None, symbol: str | None) -> Selection:
    """Return the selection of decisions; raises InvalidValue for an invalid time, name or span."""
    if since is None and until is None and symbol is None:
        return EVERYTHING
    first, end = _optional_time("--since", since), _optional_time("--until", until)
    if first is not None and end is not None and end <= first:
        raise InvalidValue("--until", until, f"a time after --since, which is {since}")
    return Selection(first, end, None if symbol is None else symbol_of(symbol))


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The flags and settings of a level computation besides its inputs."""

    policy: str | None
    instruments_file: Path | None
    decisions: DecisionSettings


def _surroundings(flags: InputFlags) -> _Surroundings:
    """Return the context from flags, else from settings; skip loading the settings if nothing is set."""
    file = None if flags.instruments is None else Path(flags.instruments)
    if not Path(".env").exists() and not any(name.upper().startswith("EXITBRAIN_") for name in os.environ):
        return _Surroundings(flags.policy, file, DecisionSettings())
    from exitbrain.infrastructure.settings import ENV_FILE, load_settings  # noqa: PLC0415 - start-up

    settings = load_settings(env_file=ENV_FILE, policy=flags.policy, instruments=file)
    return _Surroundings(settings.policy, settings.instruments_file, settings.decisions)


def _inputs(
    typed: GivenInputs, policy: Policy, instrument: Instrument | None, settings: DecisionSettings
) -> LevelInputs:
    if "leverage" not in typed:
        raise WrongUsage(f"--leverage is missing; allowed: {LEVERAGE_MIN:g} to {LEVERAGE_MAX:g}")
    try:
        return level_inputs(policy, instrument, settings, **typed)
    except InvalidValue as error:
        raise InvalidValue(flag_of(error.field), error.value, error.allowed) from error


def _typed(flags: InputFlags) -> GivenInputs:
    """Return the given inputs by name."""
    values = {name: getattr(flags, name) for name in GivenInputs.__annotations__}
    if flags.side is not None:
        values["side"] = _side(flags.side)
    return cast(GivenInputs, {name: value for name, value in values.items() if value is not None})


def _side(text: str) -> Side:
    try:
        return _SIDES[text.strip().lower()]
    except KeyError as error:
        raise InvalidValue("--side", text, "buy, long, sell or short") from error


def _assumptions(typed: GivenInputs, inputs: LevelInputs) -> tuple[Assumption, ...]:
    return tuple(
        Assumption(name, str(getattr(inputs, name)), "not given") for name in _DEFAULTED if name not in typed
    )


def _policy(name: str | None, unit: str | None) -> Policy:
    if unit is not None or (name is not None and name.startswith(FOREIGN)):
        from exitbrain.infrastructure.cli.engines import own_engine  # noqa: PLC0415 - start-up

        if own := own_engine(name, unit):
            return own
    if name is None:
        return V3_5
    if name not in SHIPPED:
        raise UnknownPolicy(name, (*SHIPPED, f"{FOREIGN}MODULE:CLASS"))
    return SHIPPED[name]


def _changed(policy: Policy, flags: InputFlags) -> Policy:
    if not flags.changes:
        return policy
    from exitbrain.infrastructure.cli.grid import changed_policy  # noqa: PLC0415 - start-up

    for name in ("base_tp", "base_sl"):
        twice = any(text.partition("=")[0].strip() == name for text in flags.changes)
        if twice and getattr(flags, name) is not None:
            raise WrongUsage(f"{flag_of(name)} and --set {name} say the same; allowed: one of them")
    return changed_policy(policy, flags.changes)


def _of_foreign(policy: Policy, inputs: LevelInputs, instrument: Instrument | None) -> Explanation:
    from exitbrain.infrastructure.cli.engines import engine_of, speaking_aside  # noqa: PLC0415 - start-up

    bases = {"base_tp": inputs.base_tp, "base_sl": inputs.base_sl}
    with speaking_aside():
        return explain(
            engine_of(policy.formula), changed(policy, parameters=bases), inputs, instrument, _FRESH
        )


def _instrument(flags: InputFlags, file: Path | None) -> Instrument | None:
    if flags.symbol is None:
        if flags.instruments is not None:
            raise WrongUsage("--instruments needs --symbol, to say which symbol of the file")
        return None
    symbol = symbol_of(flags.symbol)
    if file is None:
        return None
    # Imported here because it loads pydantic.
    from exitbrain.infrastructure.instruments.file import InstrumentsFile  # noqa: PLC0415 - start-up

    instrument = InstrumentsFile(file).instrument(symbol)
    if instrument is None:
        raise WrongUsage(f"symbol {symbol} is not in {file}")
    return instrument


def _optional_time(flag: str, text: str | None) -> datetime | None:
    return None if text is None else time_of(flag, text)


def time_of(flag: str, text: str) -> datetime:
    """Return a time in UTC, which is assumed where no offset is given; raises InvalidValue."""
    try:
        time = datetime.fromisoformat(text.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(
            flag, text, "a time in ISO 8601, like 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from error
