"""What became of a message, for whoever sent or ingested it."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from exitbrain.domain.decision import DecisionId
from exitbrain.domain.exit_plan import Decision
from exitbrain.domain.receipt import Disposition, IgnoredExit, Reason, Refusal


@dataclass(slots=True)  # not frozen: one is made for every message
class Outcome:
    """The disposition of one message with its reason, and the position, plan and decision it led to.

    `levels` is all of that decision. `duplicate` says that the message had its receipt already: nothing was done again,
    and everything else here is what it was the first time, so look at it before you count or act. `ignored_exit` tells
    of an exit that ended nothing. `source` is the logical stream of the message, `unusable` the fields that it gave and
    that could not be used. `account` and `symbol` are those it is about, empty where nobody can tell. `not_believed` says
    that its `stream_id` or its `timestamp` lies too far ahead; a duplicate does not say so again.
    """

    receipt_id: UUID
    entry_id: str
    disposition: Disposition
    reason: Reason | None
    refusal: Refusal | None
    touched: tuple[UUID, ...]
    decision: DecisionId | None = None
    levels: Decision | None = field(default=None, repr=False, compare=False)
    duplicate: bool = False
    ignored_exit: IgnoredExit | None = None
    source: str = ""
    unusable: tuple[str, ...] = ()
    occurred_at: datetime | None = None
    account: str = ""
    symbol: str = ""
    not_believed: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """What became of the wish to put a policy in force.

    `open_plans` counts the open plans of its scope, of every account: they keep their levels until their next message.
    It is 0 where the wish was refused.
    """

    outcome: Outcome
    open_plans: int
