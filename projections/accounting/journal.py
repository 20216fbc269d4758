"""The accounting journal: an entry for each movement of money, and the sums by day and by order.

An entry is the change that one event makes to one sum of an order. So the entries of an order always add up to the
order's sums, and the sums of all days to the sums of all orders.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import models
from django.db.models import Sum
from django.db.models.functions import Upper
from django.utils import timezone

from eventstore.models import Contents
from eventstore.personal_data.subjects import SubjectErased
from eventstore.store import Recorded
from orders.erasing import erased, erased_method
from orders.events import OrderCreated, OrderEvent
from orders.state import Order
from projections.engine.projection import Invariant, Projection, handles
from projections.engine.row_storage import new_row
from projections.engine.unit_of_work import UnitOfWork
from projections.order_row import LATER_EVENTS, OrderRow, money_column, rows_of_subject


class EntryKind(models.TextChoices):
    """What an entry records."""

    SALE = "sale", "Sale"
    PAYMENT = "payment", "Payment"
    CANCELLATION = "cancellation", "Cancelled sale"
    DUE_BACK = "due_back", "Owed to the customer"
    RETURN = "return", "Returned goods"
    ALLOWANCE = "allowance", "Allowance"
    REFUND = "refund", "Refund"
    WRITE_OFF = "write_off", "Bad debt"


SUMS = {
    EntryKind.SALE: ("total", "sales", "sold"),
    EntryKind.PAYMENT: ("paid", "payments", "captured"),
    EntryKind.CANCELLATION: ("cancelled", "cancellations", "cancelled"),
    EntryKind.DUE_BACK: ("due_back", "due_back", "due_back"),
    EntryKind.RETURN: ("returned", "returns", "returned"),
    EntryKind.ALLOWANCE: ("allowances", "allowances", "allowances"),
    EntryKind.REFUND: ("refunded", "refunds", "refunded"),
    EntryKind.WRITE_OFF: ("written_off", "write_offs", "bad_debt"),
}
"""By kind of entry: its column of `AccountingOrder`, its column of `AccountingDay`, and the sum of `Order` behind both.

The order matters: an entry's id ends with the place of its kind.
"""
# Fast path: one `attrgetter` call instead of a `getattr` for each sum, because each event reads all sums twice.
_sums = attrgetter(*(sum_ for _, _, sum_ in SUMS.values()))
_ID_OFFSETS = {kind: offset for offset, kind in enumerate(SUMS)}


class AccountingEntry(models.Model):
    """One movement of money. `day` is the business day in the shop's time zone."""

    contents = Contents.REMADE

    entry_id = models.BigIntegerField(primary_key=True, help_text="The event's position and the number of the entry.")
    order_id = models.UUIDField()
    reference = models.TextField()
    day = models.DateField()
    kind = models.CharField(max_length=20, choices=EntryKind.choices)
    currency = models.CharField(max_length=3)
    amount = money_column()
    method = models.TextField(blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        app_label = "projections"
        verbose_name = "entry"
        verbose_name_plural = "entries"
        indexes = (
            models.Index(fields=("-day", "-entry_id"), name="accountingentry_day"),
            models.Index(fields=("order_id",), name="accountingentry_order"),
            models.Index(fields=("kind", "-day"), name="accountingentry_kind"),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.amount} {self.currency}"


class AccountingOrder(OrderRow):
    """One order's sums. `balance` is what the customer owes; if negative, what the shop owes the customer."""

    day = models.DateField("sold on")
    balance = money_column()

    class Meta:
        app_label = "projections"
        verbose_name = "order's money"
        verbose_name_plural = "orders' money"
        indexes = (
            models.Index(fields=("-day", "-order_id"), name="accountingorder_day"),
            models.Index(fields=("payment_status", "-day"), name="accountingorder_payment"),
            models.Index(fields=("-day",), condition=models.Q(behind=True), name="accountingorder_behind"),
            models.Index(Upper("reference"), name="accountingorder_reference"),
        )

    def __str__(self) -> str:
        return self.reference or str(self.order_id)

    def show(self) -> None:
        """Set the columns that follow from `state`, and the balance."""
        super().show()
        self.balance = self.due - self.due_back


class AccountingDay(models.Model):
    """The sums of a business day in one currency."""

    contents = Contents.REMADE

    key = models.CharField(max_length=20, primary_key=True)
    day = models.DateField()
    currency = models.CharField(max_length=3)
    orders = models.IntegerField(default=0)
    sales = money_column()
    cancellations = money_column()
    returns = money_column()
    allowances = money_column()
    payments = money_column()
    refunds = money_column()
    write_offs = money_column()
    due_back = money_column()

    class Meta:
        app_label = "projections"
        verbose_name = "day"
        indexes = (models.Index(fields=("-day", "currency"), name="accountingday_day"),)

    def __str__(self) -> str:
        return self.key


class AccountingBooks(Projection):
    """The projection of the journal and of its sums by order and by day."""

    name = "accounting"
    version = 5
    tables = (AccountingOrder, AccountingEntry, AccountingDay)
    complete = OrderEvent

    def invariants(self) -> Iterator[Invariant]:
        """Yield the checks: the three tables have the same sums in each currency."""
        entries = AccountingEntry.objects.using("default").values_list("currency", "kind").order_by()
        entry_sums = {(currency, kind): amount for currency, kind, amount in entries.annotate(Sum("amount"))}
        for model, column in ((AccountingOrder, 0), (AccountingDay, 1)):
            names = [columns[column] for columns in SUMS.values()]
            rows = model._default_manager.using("default").values_list("currency").order_by("currency")
            for currency, *sums in rows.annotate(*map(Sum, names)):
                for kind, name, amount in zip(SUMS, names, sums, strict=True):
                    title = f"{currency} {name} by {model._meta.verbose_name} and by entry"
                    yield Invariant(title, amount, entry_sums.get((currency, kind), Decimal(0)))

    @handles(OrderCreated)
    def sold(self, rows: UnitOfWork, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
        """Add the row of a new order, and enter its sale."""
        day = timezone.localdate(fact.occurred_at)
        order = AccountingOrder.from_created(event, fact, day=day)
        rows.add(order)
        rows.count(_day(day, event.currency, orders=1))
        _move(rows, fact, order, before=Order())

    @handles(*LATER_EVENTS)
    def changed(self, rows: UnitOfWork, event: OrderEvent, fact: Recorded[OrderEvent]) -> None:
        """Apply any later event, and enter the sums that it changes."""
        order = rows.get(AccountingOrder, event.order_id)
        before = order.state
        order.apply(event, fact)
        method = getattr(event, "payment_method", getattr(event, "method", ""))
        _move(rows, fact, order, before=before, method=method)

    @handles(SubjectErased, in_every_shard=True)
    def erased(self, rows: UnitOfWork, event: SubjectErased, fact: Recorded[SubjectErased]) -> None:
        """Erase the texts that a person typed. No amount, day or kind of an entry changes."""
        for order in rows_of_subject(rows, AccountingOrder, event.subject_id):
            order.erase()
            for entry in rows.where_journalled(AccountingEntry, about="order_id", order_id=order.order_id):
                entry.reference, entry.method = erased(entry.reference), erased_method(entry.method)


def _move(rows: UnitOfWork, fact: Recorded[Any], order: AccountingOrder, *, before: Order, method: str = "") -> None:
    """Add an entry for each sum that the event changes, on the event's own day. Earlier entries never change."""
    sums = zip(SUMS, _sums(before), _sums(order.state), strict=True)
    changes = {kind: new - old for kind, old, new in sums if new != old}
    if not changes:
        return
    day = timezone.localdate(fact.occurred_at)
    for kind, amount in changes.items():
        rows.journal(
            new_row(
                AccountingEntry,
                {
                    "entry_id": fact.position * 10 + _ID_OFFSETS[kind],
                    "order_id": order.order_id,
                    "reference": order.reference,
                    "day": day,
                    "kind": kind,
                    "currency": order.currency,
                    "amount": amount,
                    "method": method if kind is EntryKind.PAYMENT else "",
                    "recorded_at": fact.timestamp,
                },
            )
        )
    rows.count(_day(day, order.currency, sums={SUMS[kind][1]: amount for kind, amount in changes.items()}))


def _day(day: date, currency: str, *, orders: int = 0, sums: dict[str, Decimal] | None = None) -> AccountingDay:
    row = {"key": f"{day}/{currency}", "day": day, "currency": currency, "orders": orders}
    return new_row(AccountingDay, row | (sums or {}))
