"""What a person moves by hand: read from the events that the command would lead to, so that no command is forgotten.

Counted: deposits and withdrawals, write-offs, payments recorded, captured or taken from a customer's account by hand,
refunds that no other person requested, refunds paid again, discounts, and what `prices` says.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from eventstore.decider import Sender
from orders import commands as c
from orders.accounts.events import MoneyDeposited, MoneyWithdrawn
from orders.approvals.commands import GrantApproval, UseLimit
from orders.approvals.identity import APPROVAL, APPROVED_BY, is_person, is_same_person, limit_of
from orders.approvals.prices import discounts, given_by_cancelling, given_by_edit, given_by_return
from orders.events import (
    EditCommitted,
    LinesCancelled,
    OrderCreated,
    OrderPaid,
    PaymentAuthorised,
    PaymentCaptured,
    RefundApproved,
    RefundRetried,
    ReturnReceived,
    WrittenOff,
)
from orders.policy import Policy
from orders.state import Order


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


MOVING = (
    *(c.CreateOrder, c.EditOrder, c.CommitEdit, c.CancelLines, c.ReceiveReturn, c.WriteOff),
    *(c.PayOrder, c.CapturePayment, c.PayFromAccount, c.ApproveRefund, c.RetryRefund),
)
"""The commands to orders that can move money or give it away, so that they may wait for a second person."""


def movement_of(events: Sequence[Any], state: Any) -> Movement | None:
    """Return the money that these events of one command move, or None. `state` is the aggregate before them."""
    movements = [moved for event in events if (moved := _movement(event, state)) is not None]
    if not movements:
        return None
    return movements[0]._replace(amount=sum((each.amount for each in movements), Decimal(0)))


def _movement(event: Any, state: Any) -> Movement | None:  # noqa: C901, PLR0911 - one case for each kind of movement
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
        case RefundApproved() if not _is_checked(event, state):
            own = _is_own(event, state)
            return Movement(event.amount, event.currency, "refund", event.order_id, own_refund=own)
        case RefundRetried():
            return Movement(event.amount, event.currency, "refund", event.order_id)
        case OrderCreated():
            return Movement(discounts(event.lines), event.currency, "discount", event.order_id)
        case EditCommitted():
            return Movement(given_by_edit(event, state), event.currency, "lower price", event.order_id)
        case LinesCancelled():
            return Movement(given_by_cancelling(event, state), event.currency, "lower price", event.order_id)
        case ReturnReceived():
            return Movement(given_by_return(event, state), event.currency, "return", event.order_id)
        case _:
            return None


def _is_own(event: RefundApproved, order: Order) -> bool:
    """Return whether the same person requested the refund: then it waits in its order for another one."""
    refund = order.refund(event.refund_id)
    return refund is not None and is_same_person(refund.requested_by, event.approved_by)


def _is_checked(event: RefundApproved, order: Order) -> bool:
    """Return whether another person requested the refund. A program or a customer is no second person."""
    refund = order.refund(event.refund_id)
    return refund is not None and is_person(refund.requested_by) and not _is_own(event, order)
