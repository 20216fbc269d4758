"""Less is sold; or, after all, what was cancelled."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import LINES, checked, why
from orders.values import LineQuantity


@command("order.cancel")
class CancelOrder:
    """Nothing more of the order is sold: all of it or, once a parcel left, what was not sent."""

    order_id: UUID
    reason: str = field(metadata=why())


@command("order.cancel_lines")
class CancelLines:
    """Some units are no longer sold."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    reason: str = field(metadata=why())


@command("order.expire")
class ExpireOrder:
    """Cancel the order because nobody paid in time; what was paid meanwhile is left alone."""

    order_id: UUID
    days: int


@command("order.restore")
class RestoreOrder:
    """Bring the order back to what it was at a version; then send what should have happened instead."""

    order_id: UUID
    version: int = field(metadata=checked("The version at which it was right.", min_value=1))
    reason: str = field(metadata=why("What went wrong, in words that make sense in a year."))
