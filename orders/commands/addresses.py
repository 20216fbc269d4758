"""The command that changes the shipping address of an order."""

from collections.abc import Iterator
from dataclasses import field
from typing import Self
from uuid import UUID

from eventstore.messages import command
from orders.commands.examples import KEY, TEXT
from orders.commands.fields import ADDRESS, checked
from orders.state import Order


@command("order.change_address")
class ChangeAddress:
    """Change the shipping address of goods that are not shipped yet."""

    order_id: UUID
    shipping_address: str = field(metadata=ADDRESS)
    country: str = field(
        default="", metadata=checked("The new country of delivery; leave empty if it is the same.", max_length=100)
    )

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Send it elsewhere."""
        yield cls(order_id=KEY, shipping_address=TEXT)


AddressCommand = ChangeAddress
