"""The staff read model: one row for each order, with every column that staff search, filter or sort by."""

import re
from collections.abc import Iterator

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from eventstore.messages import ERASED
from eventstore.personal_data.subjects import SubjectErased
from eventstore.store import Recorded
from orders.erasing import erased, erased_method
from orders.events import OrderCancelled, OrderCreated, OrderEvent, OrderPaid, PaymentAuthorised
from orders.state import Shipment
from projections.engine.projection import Projection, handles
from projections.engine.unit_of_work import UnitOfWork
from projections.order_row import LATER_EVENTS, AddressedOrder, rows_of_subject


class StaffOrder(AddressedOrder):
    """An order as staff see it. `search` is the text that the search box looks in."""

    customer_name = models.TextField()
    customer_email = models.TextField()
    line_count = models.PositiveIntegerField("lines")
    units = models.PositiveBigIntegerField()
    payment_method = models.TextField(blank=True)
    carrier = models.TextField(blank=True)
    tracking_code = models.TextField(blank=True)
    cancel_reason = models.TextField(blank=True)
    search = models.TextField(help_text="The order's search words in lower case.")

    class Meta:
        app_label = "projections"
        verbose_name = "order"
        permissions = (
            ("send_commands", "Can send commands to orders"),
            ("follow_events", "Can follow the events of all orders in the API"),
            ("manage_webhooks", "Can have the events of all orders sent to own endpoints (service accounts)"),
            ("read_personal_data", "Can read personal data in the API (service accounts; people need only the order)"),
        )
        indexes = (
            models.Index(fields=("-placed_at", "-order_id"), name="stafforder_placed"),
            models.Index(fields=("status", "-placed_at"), name="stafforder_status"),
            models.Index(fields=("payment_status", "-placed_at"), name="stafforder_payment"),
            models.Index(fields=("fulfilment_status", "-placed_at"), name="stafforder_fulfilment"),
            models.Index(fields=("return_status", "-placed_at"), name="stafforder_return"),
            models.Index(fields=("country", "-placed_at"), name="stafforder_country"),
            models.Index(fields=("currency", "-placed_at"), name="stafforder_currency"),
            models.Index(fields=("customer_id", "-placed_at"), name="stafforder_customer"),
            models.Index(fields=("-total",), name="stafforder_total"),
            models.Index(fields=("-placed_at",), condition=models.Q(behind=True), name="stafforder_behind"),
            GinIndex(fields=("search",), name="stafforder_search", opclasses=("gin_trgm_ops",)),
        )

    def __str__(self) -> str:
        return self.reference or f"…{str(self.order_id)[-8:]}"

    def erase(self) -> None:
        """Erase the texts that a person typed, and who the person is."""
        super().erase()
        for name in ("customer_name", "customer_email", "cancel_reason", "carrier", "tracking_code"):
            setattr(self, name, erased(getattr(self, name)))
        self.payment_method = erased_method(self.payment_method)

    def show(self) -> None:
        """Set the columns that follow from `state`, and the search text."""
        super().show()
        self.line_count = len(self.lines)
        self.units = sum(line.quantity - line.cancelled for line in self.lines if line.is_goods)
        if self.state.shipments:
            last = self.state.shipments[-1]
            self.carrier, self.tracking_code = last.carrier, last.tracking_code
        self.search = _search_text(self)


class StaffOrders(Projection):
    """The projection of `StaffOrder`."""

    name = "staff"
    version = 5
    tables = (StaffOrder,)
    complete = OrderEvent
    rank = 0

    @handles(OrderCreated)
    def created(self, rows: UnitOfWork, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
        """Add the row of a new order."""
        person = {"customer_name": event.customer_name, "customer_email": event.customer_email}
        rows.add(StaffOrder.from_created(event, fact, **person))

    @handles(*LATER_EVENTS)
    def changed(self, rows: UnitOfWork, event: OrderEvent, fact: Recorded[OrderEvent]) -> None:
        """Apply any later event, and set the columns that only staff see."""
        order = rows.get(StaffOrder, event.order_id)
        order.apply(event, fact)
        match event:
            case OrderPaid():
                order.payment_method = event.payment_method
            case PaymentAuthorised():
                order.payment_method = event.method
            case OrderCancelled():
                order.cancel_reason = event.reason
        if order.cancel_reason and not order.state.is_cancelled:
            order.cancel_reason = ""

    @handles(SubjectErased, in_every_shard=True)
    def erased(self, rows: UnitOfWork, event: SubjectErased, fact: Recorded[SubjectErased]) -> None:
        """Erase the personal data of a person's orders."""
        for order in rows_of_subject(rows, StaffOrder, event.subject_id):
            order.erase()


def _search_text(order: StaffOrder) -> str:
    """Return the lower-case text that the search box looks in, without erased texts."""
    person = (order.customer_name, order.customer_email)
    skus = dict.fromkeys(line.sku for line in order.lines)
    payments = [payment.reference for payment in order.state.payments]
    parcels = [shipment.tracking_code for shipment in order.state.shipments]
    texts = [str(order.order_id), order.reference, *person, order.country, *parcels, *payments, *skus]
    return " ".join(text for text in texts if text not in ("", ERASED)).lower()


_INDEXED = re.compile(r"[^\W_]{3}")
_MOST_PARCELS = 20
_NEWEST = 10_000


def candidates(text: str) -> "models.QuerySet[StaffOrder]":
    """Return all orders that can contain this text in a searchable field, by the trigram index.

    The index needs three letters in a row. Without them, only the newest 10,000 orders are candidates.
    """
    if _INDEXED.search(text):
        return StaffOrder.objects.filter(search__contains=text.lower())
    return StaffOrder.objects.filter(pk__in=StaffOrder.objects.order_by("-placed_at").values("pk")[:_NEWEST])


def parcels_with_code(code: str) -> Iterator[tuple[StaffOrder, Shipment]]:
    """Yield the parcels with this tracking code, in any case of letters, at most those of 20 orders.

    Of a code without three letters in a row, only the last parcels of the newest orders are found.
    """
    orders = candidates(code)
    if not _INDEXED.search(code):
        orders = orders.filter(tracking_code__iexact=code)
    for order in orders.defer("times", "search")[:_MOST_PARCELS]:
        for parcel in order.state.shipments:
            if parcel.tracking_code.lower() == code.lower():
                yield order, parcel
