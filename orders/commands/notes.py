"""Commands that write notes on an order."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked


@command("order.add_note")
class AddNote:
    """Remember something about the order; the customer sees it only where that is said."""

    order_id: UUID
    text: str = field(metadata=checked("What to remember.", max_length=2000))
    visible: bool = field(default=False, metadata=checked("Whether the customer sees it, too."))
