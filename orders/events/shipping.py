"""Parcels leave and arrive."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventstore.messages import event, upcaster
from orders.immutable import changed
from orders.state import Order, Shipment, swapped
from orders.values import LineQuantity


@event("order.shipped", schema_version=2)
class OrderShipped:
    """Everything that was still to be sent left, in one parcel."""

    order_id: UUID
    shipment_id: int
    carrier: str
    tracking_code: str

    def apply(self, order: Order) -> Order:
        everything = tuple(LineQuantity(line_id=line.line_id, quantity=line.open) for line in order.goods if line.open)
        return _sent(order, self.shipment_id, everything, self.carrier, self.tracking_code)


@upcaster("order.shipped", from_version=1)
def _shipped_once(stored: dict[str, Any]) -> dict[str, Any]:
    """Of an order that was sent in one parcel only."""
    return stored | {"shipment_id": 1}


@event("order.parcel_shipped")
class ParcelShipped:
    """A parcel with some units of some lines left."""

    order_id: UUID
    shipment_id: int
    lines: tuple[LineQuantity, ...]
    carrier: str
    tracking_code: str

    def apply(self, order: Order) -> Order:
        return _sent(order, self.shipment_id, self.lines, self.carrier, self.tracking_code)


def _sent(order: Order, shipment_id: int, lines: Iterable[LineQuantity], carrier: str, tracking_code: str) -> Order:
    shipment = Shipment(shipment_id=shipment_id, lines=tuple(lines), carrier=carrier, tracking_code=tracking_code)
    sent: dict[int, int] = {}
    for each in shipment.lines:
        sent[each.line_id] = sent.get(each.line_id, 0) + each.quantity
    return order.having(
        shipments=(*order.shipments, shipment),
        lines=tuple(
            changed(line, shipped=line.shipped + sent[line.line_id]) if line.line_id in sent else line
            for line in order.lines
        ),
    )


@event("order.parcel_delivered")
class ParcelDelivered:
    order_id: UUID
    shipment_id: int

    def apply(self, order: Order) -> Order:
        shipment = order.shipment(self.shipment_id)
        assert shipment
        return order.having(shipments=swapped(order.shipments, changed(shipment, delivered=True)))
