"""The commands that cancel an order or lines of it, and undo cancellations."""

from collections.abc import Iterator
from dataclasses import field
from typing import Self
from uuid import UUID

from eventstore.messages import command
from orders.commands.examples import KEY, TEXT, lines_with, one_unit
from orders.commands.fields import LINES, checked, why
from orders.state import Order
from orders.values import LineQuantity


@command("order.cancel")
class CancelOrder:
    """Cancel the whole order or, after a first parcel, the goods not shipped yet."""

    order_id: UUID
    reason: str = field(metadata=why())

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Cancel the order."""
        yield cls(order_id=KEY, reason=TEXT)


@command("order.cancel_lines")
class CancelLines:
    """Cancel some units of some lines."""

    order_id: UUID
    lines: tuple[LineQuantity, ...] = field(metadata=LINES)
    reason: str = field(metadata=why())

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Cancel one unit of each line with open units."""
        for line in lines_with(order, lambda line: line.open if line.is_goods or not order.anything_shipped else 0):
            yield cls(order_id=KEY, lines=one_unit(line), reason=TEXT)


@command("order.expire")
class ExpireOrder:
    """Cancel an order that was not paid within `days` days. Refused if anything was paid, authorised or shipped."""

    order_id: UUID
    days: int

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """None: only a process sends it."""
        return iter(())


@command("order.restore")
class RestoreOrder:
    """Bring the order back to an earlier version by undoing cancellations."""

    order_id: UUID
    version: int = field(metadata=checked("The last correct version of the order.", min_value=1))
    reason: str = field(metadata=why("What went wrong. Write it so that it still makes sense in a year."))


CancellingCommand = CancelOrder | CancelLines | ExpireOrder
