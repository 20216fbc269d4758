"""What the customer API asks. Every query names the customer: there is none that could show another's order."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import JSONField, QuerySet
from django.db.models.functions import Cast

from eventstore import store
from eventstore.errors import AggregateNotFound
from eventstore.timetravel import as_of as timetravel
from eventstore.timetravel.as_of import AsOf
from projections.customer.orders import CustomerOrder
from projections.customer.timeline import is_own
from projections.engine.projection import PROJECTIONS
from projections.reading.read_your_writes import NotYetVisible, wait_for


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which of a customer's orders; None of what does not matter. `created_lt` is the first moment that is too late.

    `statuses` are by column.
    """

    statuses: dict[str, str | None] = field(default_factory=dict)
    created_gte: datetime | None = None
    created_lt: datetime | None = None
    sku: str | None = None


def own_orders(customer_id: UUID, wanted: OrderFilter | None = None) -> "QuerySet[CustomerOrder]":
    own = CustomerOrder.objects.filter(customer_id=customer_id)
    if wanted is None:
        return own
    conditions = {
        **wanted.statuses,
        "placed_at__gte": wanted.created_gte,
        "placed_at__lt": wanted.created_lt,
        "read__lines__contains": [{"sku": wanted.sku}] if wanted.sku else None,
    }
    if wanted.sku:
        own = own.alias(read=Cast("state", JSONField()))
    return own.filter(**{name: value for name, value in conditions.items() if value is not None})


def own_order(customer_id: UUID, order_id: UUID, *, min_version: int = 0) -> CustomerOrder | None:
    """The order, once it shows `min_version`; None if this customer has none of that id. Raises NotYetVisible.

    Read from the primary: it is what the cache then holds, which a replica's lag must not get into.
    """
    own = own_orders(customer_id).using(DEFAULT_DB_ALIAS).filter(pk=order_id)
    order = next(iter(own), None)  # as it is the key, `first` would only put it in order
    if order and order.version >= min_version:
        return order
    there = _version_in_the_log(customer_id, order_id)
    if order is None and not (there and min_version):
        return None
    if there < min_version:
        raise NotYetVisible(f"order {order_id} has not reached version {min_version}")
    return wait_for(own.filter(version__gte=min_version).first, projection="customer", rows=[order_id])


def own_order_as_of(customer_id: UUID, order_id: UUID, as_of: AsOf) -> CustomerOrder | None:
    """The order as it was, made from the log itself, so never behind; None where this customer had none of that id."""
    try:
        facts = timetravel.load_as_of(order_id, as_of).facts
    except AggregateNotFound:
        return None
    if not is_own(customer_id, facts):
        return None
    return PROJECTIONS["customer"].row_as_of(CustomerOrder, order_id, facts)


def _version_in_the_log(customer_id: UUID, order_id: UUID) -> int:
    """The order's version, whether or not the read model shows it yet; 0 where this customer placed none of that id."""
    facts = store.read_stream(order_id)
    return facts[-1].version if is_own(customer_id, facts) else 0
