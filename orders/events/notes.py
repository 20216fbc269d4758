"""Events of notes on an order."""

from uuid import UUID

from eventstore.messages import event, personal
from orders.state import Order


@event("order.note_added", subject=("customer_id", "order_id"))
class NoteAdded:
    """A note was added. Only staff read it, unless it is `visible` to the customer."""

    order_id: UUID
    customer_id: UUID | None
    text: str = personal()
    visible: bool

    def apply(self, order: Order) -> Order:
        """Return the order unchanged: no rule reads notes."""
        return order


NoteEvent = NoteAdded
