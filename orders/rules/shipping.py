"""The rules of shipping: only open units, nothing on hold, and only paid orders if the policy says so."""

from collections.abc import Sequence
from typing import assert_never

from eventstore.errors import CommandRefused
from orders.commands import ConfirmDelivery, ShipLines, ShipOrder
from orders.commands.shipping import ShippingCommand
from orders.events import OrderEvent, OrderShipped, ParcelDelivered, ParcelShipped
from orders.policy import Policy
from orders.rules.common import require_lines, require_part, require_placed
from orders.state import Order


def decide(command: ShippingCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case ShipOrder():
            return ship(command, order, policy)
        case ShipLines():
            return ship_lines(command, order, policy)
        case ConfirmDelivery():
            return confirm_delivery(command, order)
        case _:
            assert_never(command)


def ship(command: ShipOrder, order: Order, policy: Policy) -> OrderShipped:
    """Ship all open goods in one parcel. Raises CommandRefused."""
    _require_shippable(command, order, policy)
    return OrderShipped(
        order_id=command.order_id,
        shipment_id=len(order.shipments) + 1,
        carrier=command.carrier,
        tracking_code=command.tracking_code,
    )


def ship_lines(command: ShipLines, order: Order, policy: Policy) -> ParcelShipped:
    """Ship some units in one parcel. Raises CommandRefused."""
    _require_shippable(command, order, policy)
    for line, quantity in require_lines(command.lines, order):
        if not line.is_goods:
            raise CommandRefused(
                "not_goods",
                "line {number} ({sku}) is not goods and cannot be shipped",
                number=line.line_id,
                sku=line.sku,
            )
        if quantity > line.open:
            raise CommandRefused(
                "more_than_open",
                "line {number} ({sku}): only {open} can be shipped, not {quantity}",
                number=line.line_id,
                sku=line.sku,
                open=line.open,
                quantity=quantity,
            )
    return ParcelShipped(
        order_id=command.order_id,
        shipment_id=len(order.shipments) + 1,
        lines=tuple(command.lines),
        carrier=command.carrier,
        tracking_code=command.tracking_code,
    )


def confirm_delivery(command: ConfirmDelivery, order: Order) -> ParcelDelivered:
    """Record that a parcel arrived. Raises CommandRefused."""
    require_placed(command.order_id, order)
    if require_part(order.shipment(command.shipment_id), "shipment", command.shipment_id).delivered:
        raise CommandRefused("delivered_already", "parcel {number} was delivered already", number=command.shipment_id)
    return ParcelDelivered(order_id=command.order_id, shipment_id=command.shipment_id)


def _require_shippable(command: ShipOrder | ShipLines, order: Order, policy: Policy) -> None:
    require_placed(command.order_id, order)
    if not any(line.open for line in order.goods):
        raise CommandRefused("nothing_to_ship", "nothing of this order is left to ship")
    if order.on_hold:
        raise CommandRefused("on_hold", "this order is on hold: release it before shipping")
    if policy.paid_before_shipped and order.due:
        raise CommandRefused(
            "not_paid",
            "{due} {currency} must be paid before this order ships",
            due=order.due,
            currency=order.currency,
        )
