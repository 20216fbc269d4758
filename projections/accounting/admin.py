"""The books as accountants browse them."""

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import (
    AllValuesCheckboxFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from orders.money import rounded
from projections.accounting.books import AccountingDay, AccountingEntry, AccountingOrder
from projections.lookback import ViewAdmin


def column(field: str, title: str) -> Any:
    """A money column in the row's own decimals, to sort by."""

    @display(description=title, ordering=field)
    def shown(self: Any, row: Any) -> str:
        return f"{rounded(getattr(row, field), row.currency):,}"

    return shown


@admin.register(AccountingDay)
class AccountingDayAdmin(ViewAdmin):
    list_display = ("day", "currency", "orders", "sold", "cancelled", "paid", "owed")
    list_filter = (("currency", AllValuesCheckboxFilter), ("day", RangeDateFilter))
    list_filter_submit = True
    list_display_links = None  # the row says it all
    date_hierarchy = "day"
    ordering = ("-day", "currency")
    sold = column("sales", "Sales")
    cancelled = column("cancellations", "Cancelled sales")
    paid = column("payments", "Payments")
    owed = column("due_back", "Owed to customers")


@admin.register(AccountingOrder)
class AccountingOrderAdmin(ViewAdmin):
    list_display = (
        "order",
        "day",
        "country",
        "currency",
        "sold_shown",
        "cancelled_shown",
        "paid_shown",
        "balance_shown",
    )
    list_filter = (("day", RangeDateFilter), ("behind", BooleanRadioFilter))
    list_filter_submit = True
    list_display_links = None  # the row says it all
    search_fields = ("=reference", "=order_id")
    search_help_text = "The whole number or id of an order."
    date_hierarchy = "day"
    ordering = ("-day", "-order_id")
    sold_shown = column("sold", "Sold")
    cancelled_shown = column("cancelled", "Cancelled")
    paid_shown = column("paid", "Paid")
    balance_shown = column("balance", "Balance")

    @display(description="Order", ordering="order_id")
    def order(self, row: AccountingOrder) -> str:
        name = row.reference or f"…{str(row.order_id)[-8:]}"
        return f"{name} (behind)" if row.behind else name


@admin.register(AccountingEntry)
class AccountingEntryAdmin(ViewAdmin):
    list_display = ("day", "kind", "order", "currency", "amount_shown", "method", "recorded_at")
    list_filter = (("kind", ChoicesDropdownFilter), ("day", RangeDateFilter))
    list_filter_submit = True
    list_display_links = None  # the row says it all
    search_fields = ("=reference", "=order_id")
    search_help_text = "The whole number or id of an order."
    date_hierarchy = "day"
    ordering = ("-day", "-entry_id")
    amount_shown = column("amount", "Amount")

    @display(description="Order", ordering="order_id")
    def order(self, row: AccountingEntry) -> str:
        return row.reference or f"…{str(row.order_id)[-8:]}"
