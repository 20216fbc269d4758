"""What accountants see: every movement of money, and its sums by day and by order."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Sum
from django.utils import timezone

from eventstore.store import Recorded
from orders.events import OrderCancelled, OrderCreated, OrderPaid, OrderRestored
from projections.projection import Law, Projection, handles
from projections.rows import ReadModel, Rows
from projections.shared import money


class EntryKind(models.TextChoices):
    SALE = "sale", "Sale"
    PAYMENT = "payment", "Payment"
    CANCELLATION = "cancellation", "Cancelled sale"
    DUE_BACK = "due_back", "Owed to the customer"


class AccountingEntry(models.Model):
    """One movement, as it was recorded. `day` is the business day in the shop's time zone."""

    entry_id = models.BigIntegerField(primary_key=True, help_text="Position of the event, and which of its entries.")
    order_id = models.UUIDField()
    reference = models.TextField()
    day = models.DateField()
    kind = models.CharField(max_length=20, choices=EntryKind.choices)
    currency = models.CharField(max_length=3)
    amount = money()
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


class AccountingOrder(ReadModel):
    """One order's money. `balance` is what the customer still owes; below zero, what is owed to the customer."""

    order_id = models.UUIDField(primary_key=True)
    reference = models.TextField()
    day = models.DateField("sold on")
    country = models.TextField()
    currency = models.CharField(max_length=3)
    sold = money()
    cancelled = money()
    paid = money()
    balance = money()

    class Meta:
        app_label = "projections"
        verbose_name = "order's money"
        verbose_name_plural = "orders' money"
        indexes = (models.Index(fields=("-day", "-order_id"), name="accountingorder_day"),)

    def __str__(self) -> str:
        return self.reference or str(self.order_id)


class AccountingDay(models.Model):
    """The sums of a business day in one currency."""

    key = models.CharField(max_length=20, primary_key=True)
    day = models.DateField()
    currency = models.CharField(max_length=3)
    orders = models.IntegerField(default=0)
    sales = money()
    cancellations = money()
    payments = money()
    due_back = money()

    class Meta:
        app_label = "projections"
        indexes = (models.Index(fields=("-day", "currency"), name="accountingday_day"),)

    def __str__(self) -> str:
        return self.key


_BY_DAY = (EntryKind.SALE, EntryKind.CANCELLATION, EntryKind.PAYMENT, EntryKind.DUE_BACK)


def _sums(model: type[models.Model], *names: str) -> Iterator[dict[str, Any]]:
    """The sums of these columns, currency by currency."""
    rows = model._default_manager.using("default").values("currency").order_by("currency")
    yield from rows.annotate(**{f"total_{name}": Sum(name) for name in names}).values(
        "currency", **{name: models.F(f"total_{name}") for name in names}
    )


class AccountingBooks(Projection):
    name = "accounting"
    tables = (AccountingEntry, AccountingOrder, AccountingDay)

    def laws(self) -> Iterator[Law]:
        """The movements, their sums by day and their sums by order are the same money."""
        movements: dict[str, dict[str, Decimal]] = {}
        entries = AccountingEntry.objects.using("default").values_list("currency", "kind")
        for currency, kind, amount in entries.annotate(Sum("amount")).order_by():
            movements.setdefault(currency, {})[kind] = amount
        for row in _sums(AccountingDay, "sales", "cancellations", "payments", "due_back"):
            ours = movements.get(row["currency"], {})
            for name, kind in zip(("sales", "cancellations", "payments", "due_back"), _BY_DAY, strict=True):
                yield Law(f"{row['currency']} {name} by day and by entry", row[name], ours.get(kind, Decimal(0)))
        for row in _sums(AccountingOrder, "sold", "cancelled", "paid"):
            ours = movements.get(row["currency"], {})
            for name, kind in zip(("sold", "cancelled", "paid"), _BY_DAY, strict=False):
                yield Law(f"{row['currency']} {name} by order and by entry", row[name], ours.get(kind, Decimal(0)))

    @handles(OrderCreated)
    def sold(self, rows: Rows, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
        day = timezone.localdate(fact.occurred_at)
        order = AccountingOrder(
            order_id=event.order_id,
            reference=event.reference,
            day=day,
            country=event.country,
            currency=event.currency,
            sold=event.total,
            cancelled=Decimal(0),
            paid=Decimal(0),
            balance=event.total,
        )
        rows.add(order)
        rows.journal(_entry(fact, order, EntryKind.SALE, event.total))
        rows.count(_day(day, event.currency, orders=1, sales=event.total))

    @handles(OrderPaid)
    def paid(self, rows: Rows, event: OrderPaid, fact: Recorded[OrderPaid]) -> None:
        order = rows.get(AccountingOrder, event.order_id)
        order.paid += event.amount
        order.balance -= event.amount
        rows.journal(_entry(fact, order, EntryKind.PAYMENT, event.amount, method=event.payment_method))
        rows.count(_day(timezone.localdate(fact.occurred_at), event.currency, payments=event.amount))

    @handles(OrderCancelled)
    def cancelled(self, rows: Rows, event: OrderCancelled, fact: Recorded[OrderCancelled]) -> None:
        _unsell(rows, fact, event.order_id, amount=event.amount, due_back=event.due_back)

    @handles(OrderRestored)
    def restored(self, rows: Rows, event: OrderRestored, fact: Recorded[OrderRestored]) -> None:
        """Reverses the cancellation, on the day it was taken back: entries of an earlier day stay as they are."""
        _unsell(rows, fact, event.order_id, amount=-event.sold_again, due_back=-event.not_due_back)


def _unsell(rows: Rows, fact: Recorded[Any], order_id: UUID, *, amount: Decimal, due_back: Decimal) -> None:
    """Both amounts may be below zero: then a cancellation is reversed."""
    order = rows.get(AccountingOrder, order_id)
    order.cancelled += amount
    order.balance -= amount
    rows.journal(_entry(fact, order, EntryKind.CANCELLATION, amount))
    if due_back:
        rows.journal(_entry(fact, order, EntryKind.DUE_BACK, due_back))
    day = timezone.localdate(fact.occurred_at)
    rows.count(_day(day, order.currency, cancellations=amount, due_back=due_back))


_ORDINAL = {kind: number for number, kind in enumerate(EntryKind)}


def _entry(
    fact: Recorded[Any], order: AccountingOrder, kind: EntryKind, amount: Decimal, *, method: str = ""
) -> AccountingEntry:
    return AccountingEntry(
        entry_id=fact.position * 10 + _ORDINAL[kind],
        order_id=order.order_id,
        reference=order.reference,
        day=timezone.localdate(fact.occurred_at),
        kind=kind,
        currency=order.currency,
        amount=amount,
        method=method,
        recorded_at=fact.timestamp,
    )


def _day(day: date, currency: str, *, orders: int = 0, **amounts: Decimal) -> AccountingDay:
    zero = dict.fromkeys(("sales", "cancellations", "payments", "due_back"), Decimal(0))
    return AccountingDay(key=f"{day}/{currency}", day=day, currency=currency, orders=orders, **(zero | amounts))
