"""The rules of returns: at most the shipped units come back. Restocked units are credited, damaged ones are not."""

from collections.abc import Sequence
from typing import assert_never

from eventstore.errors import CommandRefused
from orders.commands import ApproveReturn, DeclineReturn, ReceiveReturn, RequestReturn
from orders.commands.returning import ReturningCommand
from orders.events import OrderEvent, ReturnApproved, ReturnDeclined, ReturnReceived, ReturnRequested
from orders.policy import Policy
from orders.rules.common import reduction, require_lines, require_part, require_placed, require_reason
from orders.state import Order, Return, units_of
from orders.values import ReturnStatus


def decide(command: ReturningCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case RequestReturn():
            return request(command, order)
        case ApproveReturn():
            return approve(command, order)
        case ReceiveReturn():
            return receive(command, order)
        case DeclineReturn():
            return decline(command, order)
        case _:
            assert_never(command)


def request(command: RequestReturn, order: Order) -> ReturnRequested:
    """Request a return of shipped units. Raises CommandRefused."""
    require_placed(command.order_id, order)
    for line, quantity in require_lines(command.lines, order):
        left = line.shipped - line.returned - order.in_return(line.line_id)
        if quantity > left:
            raise CommandRefused(
                "more_than_shipped",
                "line {number} ({sku}): only {left} can be returned, not {quantity}",
                number=line.line_id,
                sku=line.sku,
                left=left,
                quantity=quantity,
            )
    return ReturnRequested(
        order_id=command.order_id,
        customer_id=order.customer_id,
        return_id=len(order.returns) + 1,
        lines=tuple(command.lines),
        reason=command.reason,
        comment=command.comment,
    )


def approve(command: ApproveReturn, order: Order) -> ReturnApproved:
    """Approve a requested return. Raises CommandRefused."""
    _return(command, order, ReturnStatus.REQUESTED)
    return ReturnApproved(order_id=command.order_id, return_id=command.return_id)


def decline(command: DeclineReturn, order: Order) -> ReturnDeclined:
    """Decline a requested return, or the outstanding units of an approved one. Raises CommandRefused."""
    _return(command, order, ReturnStatus.REQUESTED, ReturnStatus.APPROVED)
    return ReturnDeclined(order_id=command.order_id, return_id=command.return_id, reason=require_reason(command.reason))


def receive(command: ReceiveReturn, order: Order) -> ReturnReceived:
    """Record that units of an approved return arrived. Raises CommandRefused."""
    approved = _return(command, order, ReturnStatus.APPROVED)
    received = [*command.restocked, *command.damaged]
    restocked = require_lines(command.restocked, order) if command.restocked else []
    if command.damaged or not restocked:
        require_lines(command.damaged, order)
    for each in received:
        quantity, outstanding = units_of(received, each.line_id), units_of(approved.outstanding, each.line_id)
        if quantity > outstanding:
            raise CommandRefused(
                "more_than_outstanding",
                "line {number}: only {outstanding} of this return are outstanding, not {quantity}",
                number=each.line_id,
                outstanding=outstanding,
                quantity=quantity,
            )
    amounts = [line.worth(quantity, order.currency) for line, quantity in restocked]
    lines, amount, due_back = reduction(amounts, order)
    return ReturnReceived(
        order_id=command.order_id,
        return_id=command.return_id,
        restocked=lines,
        damaged=tuple(command.damaged),
        amount=amount,
        due_back=due_back,
        currency=order.currency,
    )


def _return(command: ApproveReturn | DeclineReturn | ReceiveReturn, order: Order, *allowed: ReturnStatus) -> Return:
    require_placed(command.order_id, order)
    requested = require_part(order.returning(command.return_id), "return", command.return_id)
    if requested.status not in allowed:
        raise CommandRefused(
            "return_is_otherwise",
            "return {number} is {status}; this is possible only while it is {allowed}",
            number=requested.return_id,
            status=requested.status,
            allowed=" / ".join(allowed),
        )
    return requested
