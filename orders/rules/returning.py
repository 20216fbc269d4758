"""Returning: no more comes back than was sent. What can be sold again is owed to the customer, damaged goods not."""

from eventstore.errors import CommandRefused
from orders.commands import ApproveReturn, DeclineReturn, ReceiveReturn, RequestReturn
from orders.events import ReturnApproved, ReturnDeclined, ReturnReceived, ReturnRequested
from orders.rules.common import found, named_lines, require_placed, require_reason, taken_off
from orders.state import Order, Return, units_of
from orders.values import ReturnStatus


def request(command: RequestReturn, order: Order) -> ReturnRequested:
    require_placed(command.order_id, order)
    for line, quantity in named_lines(command.lines, order):
        left = line.shipped - line.returned - order.in_return(line.line_id)
        if quantity > left:
            raise CommandRefused(
                "more_than_shipped",
                "line {number} ({sku}): {left} can still come back, not {quantity}",
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
    _return(command, order, ReturnStatus.REQUESTED)
    return ReturnApproved(order_id=command.order_id, return_id=command.return_id)


def decline(command: DeclineReturn, order: Order) -> ReturnDeclined:
    """Also of an approved one: what did not come so far is not waited for any more."""
    _return(command, order, ReturnStatus.REQUESTED, ReturnStatus.APPROVED)
    return ReturnDeclined(order_id=command.order_id, return_id=command.return_id, reason=require_reason(command.reason))


def receive(command: ReceiveReturn, order: Order) -> ReturnReceived:
    known = _return(command, order, ReturnStatus.APPROVED)
    came = [*command.restocked, *command.damaged]
    restocked = named_lines(command.restocked, order) if command.restocked else []
    if command.damaged or not restocked:
        named_lines(command.damaged, order)
    for each in came:
        quantity, outstanding = units_of(came, each.line_id), units_of(known.outstanding, each.line_id)
        if quantity > outstanding:
            raise CommandRefused(
                "more_than_outstanding",
                "line {number}: {outstanding} of this return did not come yet, not {quantity}",
                number=each.line_id,
                outstanding=outstanding,
                quantity=quantity,
            )
    amounts = [line.worth(quantity, order.currency) for line, quantity in restocked]
    lines, amount, due_back = taken_off(amounts, order)
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
    known = found(order.returning(command.return_id), "return", command.return_id)
    if known.status not in allowed:
        raise CommandRefused(
            "return_is_otherwise",
            "return {number} is {status}; that can be done only while it is {allowed}",
            number=known.return_id,
            status=known.status,
            allowed=" / ".join(allowed),
        )
    return known
