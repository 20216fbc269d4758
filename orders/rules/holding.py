"""Holding, noting, and sending elsewhere."""

from eventstore.errors import CommandRefused
from orders.commands import HoldOrder, ReleaseOrder
from orders.events import OrderHeld, OrderReleased
from orders.rules.common import require_placed, require_reason
from orders.state import Order


def hold(command: HoldOrder, order: Order) -> OrderHeld:
    require_placed(command.order_id, order)
    if order.on_hold:
        raise CommandRefused("on_hold", "this order is on hold already")
    return OrderHeld(order_id=command.order_id, reason=require_reason(command.reason))


def release(command: ReleaseOrder, order: Order) -> OrderReleased:
    require_placed(command.order_id, order)
    if not order.on_hold:
        raise CommandRefused("not_on_hold", "this order is not on hold")
    return OrderReleased(order_id=command.order_id, reason=command.reason.strip())
