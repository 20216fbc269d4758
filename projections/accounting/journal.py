"""What accountants see: every movement of money, and its sums by day and by order.

A movement is the difference that an event makes to one of an order's sums. So the entries of an order add up to its
sums, whatever happens to it, and the sums by day to those of all orders.
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

from eventstore.store import Recorded
from orders.events import OrderCreated, OrderEvent
from orders.state import Order
from projections.engine.projection import Invariant, Projection, handles
from projections.engine.row_storage import new_row
from projections.engine.unit_of_work import UnitOfWork
from projections.order_row import LATER_EVENTS, OrderRow, money_column


class EntryKind(models.TextChoices):
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
"""By kind of movement: the column of an order that it changes, that of a day that adds it up, and the sum both show."""
_sums = attrgetter(*(sum_ for _, _, sum_ in SUMS.values()))  # all by one call: every event asks for them twice
_PLACES = {kind: place for place, kind in enumerate(SUMS)}


class AccountingEntry(models.Model):
    """One movement, as it was recorded. `day` is the business day in the shop's time zone."""

    entry_id = models.BigIntegerField(primary_key=True, help_text="Position of the event, and which of its entries.")
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
    """One order's money. `balance` is what the customer still owes; below zero, what is owed to the customer."""

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
        super().show()
        self.balance = self.due - self.due_back


class AccountingDay(models.Model):
    """The sums of a business day in one currency."""

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
    name = "accounting"
    version = 3
    tables = (AccountingOrder, AccountingEntry, AccountingDay)
    complete = OrderEvent

    def invariants(self) -> Iterator[Invariant]:
        """The three tables tell the same, currency by currency."""
        entries = AccountingEntry.objects.using("default").values_list("currency", "kind").order_by()
        entered = {(currency, kind): amount for currency, kind, amount in entries.annotate(Sum("amount"))}
        for model, column in ((AccountingOrder, 0), (AccountingDay, 1)):
            names = [columns[column] for columns in SUMS.values()]
            rows = model._default_manager.using("default").values_list("currency").order_by("currency")
            for currency, *sums in rows.annotate(*map(Sum, names)):
                for kind, name, amount in zip(SUMS, names, sums, strict=True):
                    words = f"{currency} {name} by {model._meta.verbose_name} and by entry"
                    yield Invariant(words, amount, entered.get((currency, kind), Decimal(0)))

    @handles(OrderCreated)
    def sold(self, rows: UnitOfWork, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
        day = timezone.localdate(fact.occurred_at)
        order = AccountingOrder.from_created(event, fact, day=day)
        rows.add(order)
        rows.count(_day(day, event.currency, orders=1))
        _move(rows, fact, order, before=Order())

    @handles(*LATER_EVENTS)
    def changed(self, rows: UnitOfWork, event: OrderEvent, fact: Recorded[OrderEvent]) -> None:
        order = rows.get(AccountingOrder, event.order_id)
        before = order.state
        order.apply(event, fact)
        method = getattr(event, "payment_method", getattr(event, "method", ""))
        _move(rows, fact, order, before=before, method=method)


def _move(rows: UnitOfWork, fact: Recorded[Any], order: AccountingOrder, *, before: Order, method: str = "") -> None:
    """Enter what an event changed, on its own day: entries of an earlier day stay as they are."""
    sums = zip(SUMS, _sums(before), _sums(order.state), strict=True)
    moved = {kind: after - earlier for kind, earlier, after in sums if after != earlier}
    if not moved:
        return
    day = timezone.localdate(fact.occurred_at)
    for kind, amount in moved.items():
        rows.journal(
            new_row(
                AccountingEntry,
                {
                    "entry_id": fact.position * 10 + _PLACES[kind],
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
    rows.count(_day(day, order.currency, sums={SUMS[kind][1]: amount for kind, amount in moved.items()}))


def _day(day: date, currency: str, *, orders: int = 0, sums: dict[str, Decimal] | None = None) -> AccountingDay:
    row = {"key": f"{day}/{currency}", "day": day, "currency": currency, "orders": orders}
    return new_row(AccountingDay, row | (sums or {}))
