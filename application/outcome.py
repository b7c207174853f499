"""What became of a message, for whoever sent or ingested it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from exitbrain.domain.decision import DecisionId
from exitbrain.domain.exit_plan import Decision
from exitbrain.domain.receipt import Disposition, IgnoredExit, MessageReceived, Reason, Refusal


@dataclass(slots=True)  # not frozen: one is made for every message
class Outcome:
    """The disposition of one message with its reason, and the position, plan and decision it led to.

    `levels` is all of the decision that was made now. `duplicate` says that the message had its receipt already and
    nothing was done again. `ignored_exit` tells of an exit that ended nothing. `source` is the logical stream of the
    message, `unusable` the fields that it gave and that could not be used. `occurred_at` is None for a duplicate.
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

    @classmethod
    def of_receipt(cls, receipt_id: UUID, receipt: MessageReceived) -> Self:
        """Return the outcome of a message that was received before."""
        return cls(
            receipt_id,
            receipt.entry_id,
            receipt.disposition,
            receipt.reason,
            receipt.refusal,
            receipt.touched,
            duplicate=True,
        )


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """What became of the wish to put a policy in force.

    `open_plans` counts the open plans of its scope, of every account: they keep their levels until their next message.
    It is 0 where the wish was refused.
    """

    outcome: Outcome
    open_plans: int
