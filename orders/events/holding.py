"""Events of putting an order on hold and releasing it."""

from uuid import UUID

from eventstore.messages import event
from orders.state import Order


@event("order.held")
class OrderHeld:
    """The order was put on hold: nothing ships until it is released."""

    order_id: UUID
    reason: str

    def apply(self, order: Order) -> Order:
        """Put the order on hold."""
        return order.with_changes(on_hold=True)


@event("order.released")
class OrderReleased:
    """The order is no longer on hold."""

    order_id: UUID
    reason: str

    def apply(self, order: Order) -> Order:
        """Release the order."""
        return order.with_changes(on_hold=False)


HoldingEvent = OrderHeld | OrderReleased
