"""The commands that ship parcels, correct their tracking codes, and confirm their delivery."""

from collections.abc import Iterator
from dataclasses import field
from typing import Self
from uuid import UUID

from eventstore.messages import command
from orders.commands.examples import KEY, TEXT, lines_with, one_unit
from orders.commands.fields import LINES, checked
from orders.state import Order
from orders.values import LineQuantity

_CARRIER = checked("The carrier of the parcel.", max_length=60)
_TRACKING_CODE = checked("The carrier's tracking code.", max_length=100)


@command("order.ship")
class ShipOrder:
    """Ship all open goods in one parcel."""

    order_id: UUID
    carrier: str = field(default="", metadata=_CARRIER)
    tracking_code: str = field(default="", metadata=_TRACKING_CODE)

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Ship everything that is open."""
        yield cls(order_id=KEY)


@command("order.ship_lines")
class ShipLines:
    """Ship some units in one parcel."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    carrier: str = field(default="", metadata=_CARRIER)
    tracking_code: str = field(default="", metadata=_TRACKING_CODE)

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Ship one unit of each line with open goods."""
        for line in lines_with(order, lambda line: line.open if line.is_goods else 0):
            yield cls(order_id=KEY, lines=one_unit(line))


@command("order.confirm_delivery")
class ConfirmDelivery:
    """Record that a parcel was delivered."""

    order_id: UUID
    shipment_id: int = field(metadata=checked("The number of the parcel in this order.", min_value=1))

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Confirm each parcel."""
        for shipment in order.shipments:
            yield cls(order_id=KEY, shipment_id=shipment.shipment_id)


@command("order.correct_tracking")
class CorrectTracking:
    """Correct the tracking code or the carrier of a parcel. The customer is told the right ones."""

    order_id: UUID
    shipment_id: int = field(metadata=checked("The number of the parcel in this order.", min_value=1))
    tracking_code: str = field(
        default="", metadata=checked("The right tracking code; empty if the parcel has none.", max_length=100)
    )
    carrier: str | None = field(
        default=None,
        metadata=checked("The right carrier of the parcel. Without one, the carrier stays.", max_length=60),
    )

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Give each parcel another code."""
        for shipment in order.shipments:
            code = "" if shipment.tracking_code else TEXT
            yield cls(order_id=KEY, shipment_id=shipment.shipment_id, tracking_code=code)


ShippingCommand = ShipOrder | ShipLines | ConfirmDelivery | CorrectTracking
