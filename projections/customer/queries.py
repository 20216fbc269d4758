"""The queries of the customer API. Each takes the customer's id, so none can return another customer's order."""

from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from eventstore import store
from eventstore.errors import AggregateNotFound
from eventstore.timetravel import as_of as timetravel
from eventstore.timetravel.as_of import AsOf
from projections.customer.orders import CustomerOrder
from projections.customer.timeline import is_own
from projections.engine.projection import PROJECTIONS
from projections.order_list import OrderFilter
from projections.reading.from_log import require_logged, row_from_log
from projections.reading.read_your_writes import wait_for


def own_orders(customer_id: UUID, order_filter: OrderFilter | None = None) -> "QuerySet[CustomerOrder]":
    """Return the customer's orders that match the filter, in no particular order."""
    own = CustomerOrder.objects.filter(customer_id=customer_id)
    return order_filter.among(own) if order_filter else own


def own_order(customer_id: UUID, order_id: UUID, *, min_version: int = 0) -> CustomerOrder | None:
    """Return the order once it shows `min_version`, or None if the customer has no order with this id.

    A new order that has no row yet is made from the log. Reads from the primary: the result is cached, and a lagging
    replica would put an old row into the cache. Raises NotYetVisible, at once if the log has no such version.
    """
    own = own_orders(customer_id).using(DEFAULT_DB_ALIAS).filter(pk=order_id)
    order = next(iter(own), None)  # `first` would add a needless ORDER BY
    if order and order.version >= min_version:
        return order
    facts = store.read_stream(order_id)
    if not is_own(customer_id, facts):
        return None
    require_logged(facts, min_version)
    if order is None:
        return row_from_log(CustomerOrder, PROJECTIONS["customer"], facts)
    return wait_for(own.filter(version__gte=min_version).first, projection="customer", rows=[order_id])


def own_order_as_of(customer_id: UUID, order_id: UUID, as_of: AsOf) -> CustomerOrder | None:
    """Return the order as it was, made from the log. None if the customer had no such order then."""
    try:
        facts = timetravel.load_as_of(order_id, as_of).facts
    except AggregateNotFound:
        return None
    if not is_own(customer_id, facts):
        return None
    return PROJECTIONS["customer"].row_as_of(CustomerOrder, order_id, facts)
