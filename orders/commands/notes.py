"""The command that adds a note to an order."""

from collections.abc import Iterator
from dataclasses import field
from typing import Self
from uuid import UUID

from eventstore.messages import command
from orders.commands.examples import KEY, TEXT
from orders.commands.fields import checked
from orders.state import Order


@command("order.add_note")
class AddNote:
    """Add a note to the order. The customer sees it only if you make it visible."""

    order_id: UUID
    text: str = field(metadata=checked("The text of the note.", max_length=2000))
    visible: bool = field(default=False, metadata=checked("Show the note to the customer too."))

    @classmethod
    def examples(cls, order: Order) -> Iterator[Self]:
        """Add a note."""
        yield cls(order_id=KEY, text=TEXT)


NoteCommand = AddNote
