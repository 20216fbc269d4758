"""Events of where an order is sent."""

from uuid import UUID

from eventstore.messages import event, personal, same_shape
from orders.state import Order


@event("order.address_changed", schema_version=2, subject=("customer_id", "order_id"), since={"country": 2})
class AddressChanged:
    """The shipping address was changed."""

    order_id: UUID
    customer_id: UUID | None
    shipping_address: str = personal()
    country: str = personal(for_programs=True)

    def apply(self, order: Order) -> Order:
        """Return the order unchanged: no rule reads addresses."""
        return order


same_shape("order.address_changed", from_version=1)

AddressEvent = AddressChanged
