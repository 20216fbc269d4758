"""The order is changed before it is sent."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked
from orders.commands.placing import NewLine
from orders.values import LineQuantity

_QUANTITIES = checked("Lines, and how many units each has from here on.", max_length=5000)
_ADDED = checked("Lines that come in addition.", max_length=5000)


@command("order.stage_edit")
class StageEdit:
    """Prepare another quantity of lines that nothing was done with yet (0: none), and lines that come in addition."""

    order_id: UUID
    quantities: tuple[LineQuantity, ...] = field(default=(), metadata=_QUANTITIES)
    added: tuple[NewLine, ...] = field(default=(), metadata=_ADDED)


@command("order.edit")
class EditOrder:
    """Change quantities of lines that nothing was done with yet (0: none), and add lines, at once."""

    order_id: UUID
    quantities: tuple[LineQuantity, ...] = field(default=(), metadata=_QUANTITIES)
    added: tuple[NewLine, ...] = field(default=(), metadata=_ADDED)


@command("order.commit_edit")
class CommitEdit:
    """Make what was staged so."""

    order_id: UUID


@command("order.discard_edit")
class DiscardEdit:
    """Forget what was staged."""

    order_id: UUID
