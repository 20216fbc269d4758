"""Events of putting an order on hold and releasing it."""

from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, same_shape
from orders.state import Order


@event("order.held", schema_version=2, subject=OF_AGGREGATE)
class OrderHeld:
    """The order was put on hold: nothing ships until it is released."""

    order_id: UUID
    reason: str = personal(for_programs=True)

    def apply(self, order: Order) -> Order:
        """Put the order on hold."""
        return order.with_changes(on_hold=True)


@event("order.released", schema_version=2, subject=OF_AGGREGATE)
class OrderReleased:
    """The order is no longer on hold."""

    order_id: UUID
    reason: str = personal(for_programs=True)

    def apply(self, order: Order) -> Order:
        """Release the order."""
        return order.with_changes(on_hold=False)


same_shape("order.held", from_version=1)
same_shape("order.released", from_version=1)

HoldingEvent = OrderHeld | OrderReleased
