"""Events of where an order is sent."""

from uuid import UUID

from eventstore.messages import event, personal
from orders.state import Order


@event("order.address_changed", subject=("customer_id", "order_id"))
class AddressChanged:
    """The shipping address was changed."""

    order_id: UUID
    customer_id: UUID | None
    shipping_address: str = personal()
    country: str

    def apply(self, order: Order) -> Order:
        """Return the order unchanged: no rule reads addresses."""
        return order


AddressEvent = AddressChanged
