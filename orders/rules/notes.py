"""The rule of notes on an order."""

from collections.abc import Sequence
from typing import assert_never

from eventstore.errors import CommandRefused
from orders.commands import AddNote
from orders.commands.notes import NoteCommand
from orders.events import NoteAdded, OrderEvent
from orders.policy import Policy
from orders.rules.common import require_placed
from orders.state import Order


def decide(command: NoteCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case AddNote():
            return add_note(command, order)
        case _:
            assert_never(command)


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
