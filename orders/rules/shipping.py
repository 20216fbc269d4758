"""The rules of shipping: only open units, nothing on hold, and only paid orders if the policy says so."""

from collections.abc import Sequence
from typing import assert_never

from eventstore.errors import CommandRefused
from orders.commands.shipping import ConfirmDelivery, CorrectTracking, ShipLines, ShipOrder, ShippingCommand
from orders.events import OrderEvent, OrderShipped, ParcelDelivered, ParcelShipped, TrackingCorrected
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
        case CorrectTracking():
            return correct_tracking(command, order)
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


def correct_tracking(command: CorrectTracking, order: Order) -> TrackingCorrected:
    """Correct the carrier or the tracking code of a parcel. Raises CommandRefused if both are right already."""
    require_placed(command.order_id, order)
    parcel = require_part(order.shipment(command.shipment_id), "shipment", command.shipment_id)
    carrier = parcel.carrier if command.carrier is None else command.carrier.strip()
    code = command.tracking_code.strip()
    if (carrier, code) == (parcel.carrier, parcel.tracking_code):
        raise CommandRefused(
            "nothing_changes",
            "parcel {number} has this carrier and this tracking code already",
            number=parcel.shipment_id,
        )
    return TrackingCorrected(
        order_id=command.order_id,
        shipment_id=parcel.shipment_id,
        carrier=carrier,
        tracking_code=code,
        old_carrier=parcel.carrier,
        old_tracking_code=parcel.tracking_code,
    )


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
