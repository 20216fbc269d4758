"""Commands that change where an order is sent."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import ADDRESS, checked


@command("order.change_address")
class ChangeAddress:
    """Send what is still to be sent to another address."""

    order_id: UUID
    shipping_address: str = field(metadata=ADDRESS)
    country: str = field(default="", metadata=checked("If given, where it is sent to from now on.", max_length=100))
