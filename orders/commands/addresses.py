"""The command that changes the shipping address of an order."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import ADDRESS, checked


@command("order.change_address")
class ChangeAddress:
    """Change the shipping address of goods that are not shipped yet."""

    order_id: UUID
    shipping_address: str = field(metadata=ADDRESS)
    country: str = field(
        default="", metadata=checked("The new country of delivery; leave empty if it is the same.", max_length=100)
    )
