"""The commands that put an order on hold and release it."""

from collections.abc import Iterator
from dataclasses import field
from typing import Self
from uuid import UUID

from eventstore.messages import command
from orders.commands.examples import KEY, TEXT
from orders.commands.fields import why
from orders.state import Order


@command("order.hold")
class HoldOrder:
    """Put the order on hold: nothing can be shipped until it is released."""

    order_id: UUID
    reason: str = field(metadata=why())

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Hold the order."""
        yield cls(order_id=KEY, reason=TEXT)


@command("order.release")
class ReleaseOrder:
    """Release the order from hold, so that it can be shipped."""

    order_id: UUID
    reason: str = field(default="", metadata=why())

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Release the order."""
        yield cls(order_id=KEY)


HoldingCommand = HoldOrder | ReleaseOrder
