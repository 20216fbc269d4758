"""The commands that ship parcels and confirm their delivery."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import LINES, checked
from orders.values import LineQuantity

_CARRIER = checked("The carrier of the parcel.", max_length=60)
_TRACKING_CODE = checked("The carrier's tracking code.", max_length=100)


@command("order.ship")
class ShipOrder:
    """Ship all open goods in one parcel."""

    order_id: UUID
    carrier: str = field(default="", metadata=_CARRIER)
    tracking_code: str = field(default="", metadata=_TRACKING_CODE)


@command("order.ship_lines")
class ShipLines:
    """Ship some units in one parcel."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    carrier: str = field(default="", metadata=_CARRIER)
    tracking_code: str = field(default="", metadata=_TRACKING_CODE)


@command("order.confirm_delivery")
class ConfirmDelivery:
    """Record that a parcel was delivered."""

    order_id: UUID
    shipment_id: int = field(metadata=checked("The number of the parcel in this order.", min_value=1))
