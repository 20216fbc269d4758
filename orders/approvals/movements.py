"""What a person moves by hand: read from the events that the command would lead to, so that no command is forgotten.

Counted: deposits and withdrawals, write-offs, payments recorded, captured or taken from a customer's account by hand,
refunds that the same person requested and approved, refunds paid again, and discounts given by hand.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from eventstore.decider import Sender
from orders.accounts.events import MoneyDeposited, MoneyWithdrawn
from orders.approvals.commands import GrantApproval, UseLimit
from orders.approvals.identity import APPROVAL, APPROVED_BY, is_person, is_same_person, limit_of
from orders.events import (
    EditCommitted,
    OrderCreated,
    OrderPaid,
    PaymentAuthorised,
    PaymentCaptured,
    RefundApproved,
    RefundRetried,
    WrittenOff,
)
from orders.lines import Line
from orders.policy import Policy
from orders.state import Order
from orders.values import OrderLine


class Movement(NamedTuple):
    """An amount that a person moves by hand. `what` names the kind, `moved_id` the order or the account."""

    amount: Decimal
    currency: str
    what: str
    moved_id: UUID
    own_refund: bool = False


def accompany(
    command: Any,
    state: Any,
    events: Sequence[Any],
    sender: Sender,
    *,
    policy: Policy,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sequence[UseLimit | GrantApproval]:
    """Return what must be done with a person's command: an approval is used, or the person's limit.

    Nothing without limits, for programs, processes and customers, and for what is reported late, such as an import.
    `now` is the clock.
    """
    if not is_person(sender.actor) or sender.occurred_at:
        return ()
    approval_id = sender.extra.get(APPROVAL)
    moved = movement_of(events, state) if approval_id or policy.approval_limits else None
    if approval_id:
        grant = GrantApproval(
            approval_id=UUID(approval_id),
            approved_by=sender.extra.get(APPROVED_BY, ""),
            requested_by=sender.actor,
            fingerprint=sender.fingerprint,
            amount=moved.amount if moved else Decimal(0),
            currency=moved.currency if moved else "",
        )
        return (grant,)
    if moved is None or not moved.amount:
        return ()
    use = UseLimit(
        limit_id=limit_of(sender.actor, moved.currency),
        person=sender.actor,
        amount=moved.amount,
        currency=moved.currency,
        limit=policy.approval_limit(moved.currency),
        used_at=now(),
        what=moved.what,
        moved_id=moved.moved_id,
        own_refund=moved.own_refund,
    )
    return (use,)


def movement_of(events: Sequence[Any], state: Any) -> Movement | None:
    """Return the money that these events of one command move, or None. `state` is the aggregate before them."""
    movements = [moved for event in events if (moved := _movement(event, state)) is not None]
    if not movements:
        return None
    return movements[0]._replace(amount=sum((each.amount for each in movements), Decimal(0)))


def _movement(event: Any, state: Any) -> Movement | None:  # noqa: PLR0911 - one case for each kind of movement
    match event:
        case MoneyDeposited():
            return Movement(event.amount, event.currency, "deposit", event.account_id)
        case MoneyWithdrawn():
            return Movement(event.amount, event.currency, "withdrawal", event.account_id)
        case WrittenOff():
            return Movement(event.amount, event.currency, "write-off", event.order_id)
        case OrderPaid() | PaymentCaptured():
            return Movement(event.amount, event.currency, "payment", event.order_id)
        case PaymentAuthorised() if event.account_id:
            return Movement(event.amount, event.currency, "payment", event.order_id)
        case RefundApproved() if _is_own(event, state):
            return Movement(event.amount, event.currency, "refund", event.order_id, own_refund=True)
        case RefundRetried():
            return Movement(event.amount, event.currency, "refund", event.order_id)
        case OrderCreated():
            return Movement(_discounts(event.lines), event.currency, "discount", event.order_id)
        case EditCommitted():
            more = _discounts(event.apply(state).lines) - _discounts(state.lines)
            return Movement(max(more, Decimal(0)), event.currency, "discount", event.order_id)
        case _:
            return None


def _is_own(event: RefundApproved, order: Order) -> bool:
    refund = order.refund(event.refund_id)
    return refund is not None and is_same_person(refund.requested_by, event.approved_by)


def _discounts(lines: Sequence[OrderLine | Line]) -> Decimal:
    """Return what all discounts take off these lines."""
    return sum((line.discount + line.discount_share for line in lines), Decimal(0))
