"""Write the table of outcomes that the flags name."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from exitbrain.application.whatif.rows import PolicyRow, TableLabel
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.options import TableFlags

if TYPE_CHECKING:  # an extra
    from exitbrain.infrastructure.lab.outcome_files import OutcomeTable


@contextmanager
def new_table(
    flags: TableFlags, about: Callable[[], tuple[TableLabel, Sequence[PolicyRow]]]
) -> "Iterator[OutcomeTable | None]":
    """Yield the table that the flags name, None if they name none; `about` says what it is about.

    Raises WrongUsage, InvalidValue and NotWritten.
    """
    if flags.table is None:
        for given, option in ((flags.columns is not None, "--columns"), (flags.legs, "--legs")):
            if given:
                raise WrongUsage(f"{option} is about the table of outcomes; give --table too")
        yield None
        return
    from exitbrain.infrastructure.lab.outcome_files import outcome_files  # noqa: PLC0415 - an extra
    from exitbrain.infrastructure.lab.outcome_schema import outcome_columns  # noqa: PLC0415 - an extra

    columns = None if flags.columns is None else outcome_columns(flags.columns)
    label, policies = about()
    with outcome_files(flags.table, label, policies, columns=columns, legs=flags.legs) as table:
        yield table
