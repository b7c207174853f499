"""The result of a message, returned to its sender or to the caller of an ingest."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.messages.receipt import Disposition, IgnoredExit, Reason, Refusal
from exitbrain.domain.plans.decision import DecisionId
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.values import fields_of


class MessageResult(Struct, frozen=True):
    """The disposition of a message with its reason, and the position, plan and decision it led to.

    `levels` is that decision in full. `duplicate` says that the message already had a receipt: nothing was
    done again and the other fields repeat the first result, so check it before you count or act.
    `ignored_exit` describes an exit that ended nothing. `source` is the logical stream, `unusable` names the
    given fields that could not be used. `account` and `symbol` are empty if they cannot be determined.
    `not_believed` says that its `stream_id` or its `timestamp` lies too far ahead; a duplicate does not
    repeat it.
    """

    receipt_id: UUID
    entry_id: str
    disposition: Disposition
    reason: Reason | None
    refusal: Refusal | None
    touched: tuple[UUID, ...]
    decision: DecisionId | None = None
    levels: Decision | None = None
    duplicate: bool = False
    ignored_exit: IgnoredExit | None = None
    source: str = ""
    unusable: tuple[str, ...] = ()
    occurred_at: datetime | None = None
    account: str = ""
    symbol: str = ""
    not_believed: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Compare all but `levels`, identified by `decision`, and `not_believed`, which duplicates lack."""
        if not isinstance(other, MessageResult):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _COMPARED)

    def __hash__(self) -> int:
        return hash(self.receipt_id)

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in fields_of(self).items() if name != "levels")
        return f"MessageResult({', '.join(shown)})"


_COMPARED = tuple(name for name in MessageResult.__struct_fields__ if name not in ("levels", "not_believed"))


class PolicyInForce(Struct, frozen=True):
    """The result of a request to put a policy in force.

    `open_plans` counts the open plans of its scope in all accounts. They keep their levels until their next
    message. It is 0 if the request was refused.
    """

    outcome: MessageResult
    open_plans: int
