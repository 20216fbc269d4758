"""The commands that edit the lines of an order before they are shipped."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked
from orders.commands.placing import NewLine
from orders.values import LineQuantity

_QUANTITIES = checked("The lines to change and their new quantities; 0 removes a line.", max_length=5000)
_ADDED = checked("The lines to add.", max_length=5000)


@command("order.stage_edit")
class StageEdit:
    """Prepare an edit: new quantities of untouched lines, and lines to add. The order does not change yet."""

    order_id: UUID
    quantities: tuple[LineQuantity, ...] = field(default=(), metadata=_QUANTITIES)
    added: tuple[NewLine, ...] = field(default=(), metadata=_ADDED)


@command("order.edit")
class EditOrder:
    """Change the quantities of untouched lines, and add lines, at once."""

    order_id: UUID
    quantities: tuple[LineQuantity, ...] = field(default=(), metadata=_QUANTITIES)
    added: tuple[NewLine, ...] = field(default=(), metadata=_ADDED)


@command("order.commit_edit")
class CommitEdit:
    """Make the prepared edit."""

    order_id: UUID


@command("order.discard_edit")
class DiscardEdit:
    """Drop the prepared edit."""

    order_id: UUID
