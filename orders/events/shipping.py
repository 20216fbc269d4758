"""Events of parcels: shipped and delivered."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, same_shape, upcaster
from orders.immutable import changed
from orders.state import Order, Shipment, replaced
from orders.values import LineQuantity


@event("order.shipped", schema_version=3, subject=OF_AGGREGATE)
class OrderShipped:
    """All open goods were shipped in one parcel."""

    order_id: UUID
    shipment_id: int
    carrier: str = personal(for_programs=True)
    tracking_code: str = personal(for_programs=True)

    def apply(self, order: Order) -> Order:
        """Append a parcel with all open goods."""
        lines = tuple(LineQuantity(line_id=line.line_id, quantity=line.open) for line in order.goods if line.open)
        return _with_parcel(order, self.shipment_id, lines, self.carrier, self.tracking_code)


@upcaster("order.shipped", from_version=1)
def _shipped_once(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 is from when an order had at most one parcel."""
    return stored | {"shipment_id": 1}


@event("order.parcel_shipped", schema_version=2, subject=OF_AGGREGATE)
class ParcelShipped:
    """A parcel with some units of some lines was shipped."""

    order_id: UUID
    shipment_id: int
    lines: tuple[LineQuantity, ...]
    carrier: str = personal(for_programs=True)
    tracking_code: str = personal(for_programs=True)

    def apply(self, order: Order) -> Order:
        """Append the parcel."""
        return _with_parcel(order, self.shipment_id, self.lines, self.carrier, self.tracking_code)


def _with_parcel(
    order: Order, shipment_id: int, lines: Iterable[LineQuantity], carrier: str, tracking_code: str
) -> Order:
    """Append a parcel and count its units as shipped."""
    shipment = Shipment(shipment_id=shipment_id, lines=tuple(lines), carrier=carrier, tracking_code=tracking_code)
    units: dict[int, int] = {}
    for each in shipment.lines:
        units[each.line_id] = units.get(each.line_id, 0) + each.quantity
    return order.with_changes(
        shipments=(*order.shipments, shipment),
        lines=tuple(
            changed(line, shipped=line.shipped + units[line.line_id]) if line.line_id in units else line
            for line in order.lines
        ),
    )


@event("order.parcel_delivered")
class ParcelDelivered:
    """A parcel arrived at the customer."""

    order_id: UUID
    shipment_id: int

    def apply(self, order: Order) -> Order:
        """Mark the parcel as delivered."""
        shipment = order.shipment(self.shipment_id)
        assert shipment
        return order.with_changes(shipments=replaced(order.shipments, changed(shipment, delivered=True)))


@event("order.tracking_corrected", schema_version=2, subject=OF_AGGREGATE)
class TrackingCorrected:
    """The carrier or the tracking code of a parcel was recorded wrongly. The `old_` fields are what it replaces."""

    order_id: UUID
    shipment_id: int
    carrier: str = personal(for_programs=True)
    tracking_code: str = personal(for_programs=True)
    old_carrier: str = personal(for_programs=True)
    old_tracking_code: str = personal(for_programs=True)

    def apply(self, order: Order) -> Order:
        """Replace the carrier and the tracking code of the parcel."""
        shipment = order.shipment(self.shipment_id)
        assert shipment
        corrected = changed(shipment, carrier=self.carrier, tracking_code=self.tracking_code)
        return order.with_changes(shipments=replaced(order.shipments, corrected))


same_shape("order.shipped", from_version=2)
same_shape("order.parcel_shipped", from_version=1)
same_shape("order.tracking_corrected", from_version=1)

ShippingEvent = OrderShipped | ParcelShipped | ParcelDelivered | TrackingCorrected
