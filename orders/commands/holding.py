"""The commands that put an order on hold and release it."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import why


@command("order.hold")
class HoldOrder:
    """Put the order on hold: nothing can be shipped until it is released."""

    order_id: UUID
    reason: str = field(metadata=why())


@command("order.release")
class ReleaseOrder:
    """Release the order from hold, so that it can be shipped."""

    order_id: UUID
    reason: str = field(default="", metadata=why())
