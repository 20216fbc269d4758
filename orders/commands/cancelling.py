"""The commands that cancel an order or lines of it, and undo cancellations."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import LINES, checked, why
from orders.values import LineQuantity


@command("order.cancel")
class CancelOrder:
    """Cancel the whole order or, after a first parcel, the goods not shipped yet."""

    order_id: UUID
    reason: str = field(metadata=why())


@command("order.cancel_lines")
class CancelLines:
    """Cancel some units of some lines."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    reason: str = field(metadata=why())


@command("order.expire")
class ExpireOrder:
    """Cancel an order that was not paid within `days` days. Refused if anything was paid, authorised or shipped."""

    order_id: UUID
    days: int


@command("order.restore")
class RestoreOrder:
    """Bring the order back to an earlier version by undoing cancellations."""

    order_id: UUID
    version: int = field(metadata=checked("The last correct version of the order.", min_value=1))
    reason: str = field(metadata=why("What went wrong. Write it so that it still makes sense in a year."))
