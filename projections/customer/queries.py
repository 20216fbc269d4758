"""What the customer API asks. Every query names the customer: there is none that could show another's order."""

from uuid import UUID

from django.db.models import QuerySet

from eventstore import store
from orders.events import OrderCreated
from projections.customer.orders import CustomerOrder
from projections.waiting import wait_for


def own_orders(customer_id: UUID) -> "QuerySet[CustomerOrder]":
    return CustomerOrder.objects.filter(customer_id=customer_id)


def own_order(customer_id: UUID, order_id: UUID, *, min_version: int = 0) -> CustomerOrder | None:
    """The order, once it shows `min_version`; None if this customer has none of that id. Raises NotYetVisible."""
    own = own_orders(customer_id).filter(pk=order_id)
    order = own.first()
    if order and order.version >= min_version:
        return order
    if order is None and not (min_version and _is_own_in_the_log(customer_id, order_id)):
        return None
    return wait_for(own.filter(version__gte=min_version).first)


def _is_own_in_the_log(customer_id: UUID, order_id: UUID) -> bool:
    """Whether the order was placed by this customer although the read model does not show it yet."""
    first = next(iter(store.read_stream(order_id)), None)
    return first is not None and isinstance(first.event, OrderCreated) and first.event.customer_id == customer_id
