"""The engine named on the command line: its policy, its code, and where its output goes."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.policies.policy import FOREIGN, Policy
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.engines.foreign import foreign_policy
from exitbrain.infrastructure.engines.named import NamedEngines


def policy_of(name: str, unit: str | None) -> Policy:
    """Return the policy of an engine, in the unit the user gave; raises InvalidValue."""
    return foreign_policy(name, Unit.FRACTION if unit is None else unit_of(unit))


def own_engine(name: str | None, unit: str | None) -> Policy | None:
    """Return the policy of the user's own engine, else None; raises WrongUsage for a unit without such an engine."""
    if name is not None and name.startswith(FOREIGN):
        return policy_of(name, unit)
    if unit is not None:
        raise WrongUsage(f"--unit says how to read your own engine, --policy {FOREIGN}MODULE:CLASS")
    return None


def unit_of(text: str) -> Unit:
    """Return the unit the user gave; raises InvalidValue."""
    try:
        return Unit(text.strip().lower())
    except ValueError as error:
        raise InvalidValue("--unit", text, " or ".join(Unit)) from error


def engine_of(*names: str) -> NamedEngines:
    """Load engines from where Python finds modules, and last from the working folder; see `ForeignEngine`."""
    find_in_working_folder()
    return NamedEngines(*names)


def engine_for(policies: Iterable[Policy], usual: LevelEngine) -> LevelEngine:
    """Return the engine for these policies: the usual one, with any foreign engines that the user named."""
    foreign = dict.fromkeys(policy.formula for policy in policies if policy.is_foreign)
    return engine_of(*foreign) if foreign else usual


def find_in_working_folder() -> None:
    """Let Python find modules in the working folder, after all others, so that none replaces an installed one."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


@contextmanager
def speaking_aside() -> Iterator[None]:
    """Send the output of foreign code to stderr: stdout is only for the report."""
    with redirect_stdout(sys.stderr):
        yield
