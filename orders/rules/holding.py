"""The rules of putting an order on hold and releasing it."""

from collections.abc import Sequence
from typing import assert_never

from eventstore.errors import CommandRefused
from orders.commands import HoldOrder, ReleaseOrder
from orders.commands.holding import HoldingCommand
from orders.events import OrderEvent, OrderHeld, OrderReleased
from orders.policy import Policy
from orders.rules.common import require_placed, require_reason
from orders.state import Order


def decide(command: HoldingCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case HoldOrder():
            return hold(command, order)
        case ReleaseOrder():
            return release(command, order)
        case _:
            assert_never(command)


def hold(command: HoldOrder, order: Order) -> OrderHeld:
    """Put the order on hold. Raises CommandRefused."""
    require_placed(command.order_id, order)
    if order.on_hold:
        raise CommandRefused("on_hold", "this order is on hold already")
    return OrderHeld(order_id=command.order_id, reason=require_reason(command.reason))


def release(command: ReleaseOrder, order: Order) -> OrderReleased:
    """Release the order from hold. Raises CommandRefused."""
    require_placed(command.order_id, order)
    if not order.on_hold:
        raise CommandRefused("not_on_hold", "this order is not on hold")
    return OrderReleased(order_id=command.order_id, reason=command.reason.strip())
