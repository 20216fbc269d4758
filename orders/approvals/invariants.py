"""What an event may never say about an approval or a limit."""

from eventstore.errors import CommandRefused, CorruptEvent
from orders.approvals.events import ApprovalEvent, ApprovalGranted, ApprovalRequested, LimitUsed
from orders.approvals.state import Approval, ApprovalStatus, Limit
from orders.money import LARGEST, exponent


def require_possible_use(before: Limit, event: LimitUsed, after: Limit) -> None:
    """Raise CorruptEvent for an amount that no person can have moved."""
    _require_amount(event)


def require_possible(before: Approval, event: ApprovalEvent, after: Approval) -> None:
    """Raise CorruptEvent for an impossible amount, and for a decision on what does not wait."""
    if isinstance(event, ApprovalRequested):
        _require_amount(event)
        return
    if before.status is not ApprovalStatus.WAITING:
        raise CorruptEvent(f"this approval is {before.status} before {type(event).__name__}")
    if isinstance(event, ApprovalGranted):
        _require_amount(event)
        if event.currency != before.currency or event.amount > before.amount:
            approved, asked = (f"{each.amount} {each.currency}" for each in (event, before))
            raise CorruptEvent(f"{approved} cannot be approved where {asked} was asked for")


def _require_amount(event: LimitUsed | ApprovalRequested | ApprovalGranted) -> None:
    try:
        exponent(event.currency)
    except CommandRefused as refusal:
        raise CorruptEvent(refusal.message) from refusal
    if not 0 <= event.amount < LARGEST:
        raise CorruptEvent(f"{event.amount} {event.currency} is no amount that can be moved")
