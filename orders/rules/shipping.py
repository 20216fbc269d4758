"""Shipping: never more than is open, nothing on hold, and paid before shipped where the shop wants it so."""

from eventstore.errors import CommandRefused
from orders.commands import ConfirmDelivery, ShipLines, ShipOrder
from orders.events import OrderShipped, ParcelDelivered, ParcelShipped
from orders.policy import Policy
from orders.rules.common import found, named_lines, require_placed
from orders.state import Order


def ship(command: ShipOrder, order: Order, policy: Policy) -> OrderShipped:
    _require_shippable(command, order, policy)
    return OrderShipped(
        order_id=command.order_id,
        shipment_id=len(order.shipments) + 1,
        carrier=command.carrier,
        tracking_code=command.tracking_code,
    )


def ship_lines(command: ShipLines, order: Order, policy: Policy) -> ParcelShipped:
    _require_shippable(command, order, policy)
    for line, quantity in named_lines(command.lines, order):
        if not line.is_goods:
            raise CommandRefused(
                "not_goods", "line {number} ({sku}) is no goods: it is not sent", number=line.line_id, sku=line.sku
            )
        if quantity > line.open:
            raise CommandRefused(
                "more_than_open",
                "line {number} ({sku}): {open} still to be sent, not {quantity}",
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
    require_placed(command.order_id, order)
    if found(order.shipment(command.shipment_id), "shipment", command.shipment_id).delivered:
        raise CommandRefused("delivered_already", "parcel {number} was delivered already", number=command.shipment_id)
    return ParcelDelivered(order_id=command.order_id, shipment_id=command.shipment_id)


def _require_shippable(command: ShipOrder | ShipLines, order: Order, policy: Policy) -> None:
    require_placed(command.order_id, order)
    if not any(line.open for line in order.goods):
        raise CommandRefused("nothing_to_ship", "nothing of this order is still to be sent")
    if order.on_hold:
        raise CommandRefused("on_hold", "this order is on hold: release it before anything is sent")
    if policy.paid_before_shipped and order.due:
        raise CommandRefused(
            "not_paid",
            "{due} {currency} has to be paid before this order ships",
            due=order.due,
            currency=order.currency,
        )
