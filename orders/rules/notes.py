"""The rule of notes on an order."""

from eventstore.errors import CommandRefused
from orders.commands import AddNote
from orders.events import NoteAdded
from orders.rules.common import require_placed
from orders.state import Order


def add_note(command: AddNote, order: Order) -> NoteAdded:
    """Add a note. Raises CommandRefused for an empty one."""
    require_placed(command.order_id, order)
    if not command.text.strip():
        raise CommandRefused("no_text", "a note needs a text")
    return NoteAdded(
        order_id=command.order_id,
        customer_id=order.customer_id,
        text=command.text.strip(),
        visible=command.visible,
    )
