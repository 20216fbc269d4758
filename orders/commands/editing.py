"""The commands that edit the lines of an order before they are shipped."""

from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal
from typing import Self
from uuid import UUID

from eventstore.messages import command
from orders.commands.examples import KEY, TEXT
from orders.commands.fields import checked
from orders.commands.placing import NewLine
from orders.state import Order
from orders.values import LineQuantity

_QUANTITIES = checked("The lines to change and their new quantities; 0 removes a line.", max_length=5000)
_ADDED = checked("The lines to add.", max_length=5000)


_ONE_MORE = NewLine(sku=TEXT, name=TEXT, quantity=1, unit_price=Decimal(1))


@command("order.stage_edit")
class StageEdit:
    """Prepare an edit: new quantities of untouched lines, and lines to add. The order does not change yet."""

    order_id: UUID
    quantities: tuple[LineQuantity, ...] = field(default=(), metadata=_QUANTITIES)
    added: tuple[NewLine, ...] = field(default=(), metadata=_ADDED)

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Add a line."""
        yield cls(order_id=KEY, added=(_ONE_MORE,))


@command("order.edit")
class EditOrder:
    """Change the quantities of untouched lines, and add lines, at once."""

    order_id: UUID
    quantities: tuple[LineQuantity, ...] = field(default=(), metadata=_QUANTITIES)
    added: tuple[NewLine, ...] = field(default=(), metadata=_ADDED)

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Add a line."""
        yield cls(order_id=KEY, added=(_ONE_MORE,))


@command("order.commit_edit")
class CommitEdit:
    """Make the prepared edit."""

    order_id: UUID

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Commit the staged edit."""
        yield cls(order_id=KEY)


@command("order.discard_edit")
class DiscardEdit:
    """Drop the prepared edit."""

    order_id: UUID

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Discard the staged edit."""
        yield cls(order_id=KEY)


EditingCommand = EditOrder | StageEdit | CommitEdit | DiscardEdit
