"""Parcels leave and arrive."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import LINES, checked
from orders.values import LineQuantity

_CARRIER = checked("Who carries it.", max_length=60)
_TRACKING_CODE = checked("Where to follow it.", max_length=100)


@command("order.ship")
class ShipOrder:
    """Everything that is still to be sent leaves, in one parcel."""

    order_id: UUID
    carrier: str = field(default="", metadata=_CARRIER)
    tracking_code: str = field(default="", metadata=_TRACKING_CODE)


@command("order.ship_lines")
class ShipLines:
    """A parcel with a part of the order leaves."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    carrier: str = field(default="", metadata=_CARRIER)
    tracking_code: str = field(default="", metadata=_TRACKING_CODE)


@command("order.confirm_delivery")
class ConfirmDelivery:
    """A parcel arrived."""

    order_id: UUID
    shipment_id: int = field(metadata=checked("Which of the order's parcels.", min_value=1))
