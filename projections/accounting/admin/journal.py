"""Admin pages of the accounting journal: days, orders and entries."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import (
    AllValuesCheckboxFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from orders.money import rounded
from projections.accounting.journal import AccountingDay, AccountingEntry, AccountingOrder
from projections.admin.list_filters import (
    COLOURS,
    ColumnFilter,
    CurrencyFilter,
    DayRangeFilter,
    SearchedByWhole,
    is_page_of_one,
)
from projections.admin.lookback import ViewAdmin


def column(field: str, title: str) -> Any:
    """Return a sortable column for an amount, with the currency's decimals. Zero is shown as a dash."""

    @display(description=title, ordering=field)
    def amount(self: Any, row: Any) -> str:
        value = getattr(row, field)
        return f"{rounded(value, row.currency):,}" if value else "–"  # noqa: RUF001 - the en dash is intended

    return amount


class MethodFilter(ColumnFilter):
    """Filter entries by payment method."""

    title = "payment method"
    parameter_name = "method"


@admin.register(AccountingDay)
class AccountingDayAdmin(ViewAdmin):
    """The list of business days with their sums."""

    list_display = (
        "day",
        "currency",
        "orders",
        "sold",
        "cancelled",
        "returned",
        "allowed",
        "paid",
        "refunded",
        "given_up",
        "owed",
    )
    list_filter = (("currency", AllValuesCheckboxFilter), ("day", DayRangeFilter))
    list_filter_submit = True
    list_display_links = None  # a row has no page of its own
    date_hierarchy = "day"
    indexed = ("day",)
    ordering = ("-day", "currency")
    sold = column("sales", "Sales")
    cancelled = column("cancellations", "Cancelled")
    returned = column("returns", "Returned")
    allowed = column("allowances", "Allowances")
    paid = column("payments", "Payments")
    refunded = column("refunds", "Refunds")
    given_up = column("write_offs", "Bad debt")
    owed = column("due_back", "Owed to customers")


@admin.register(AccountingOrder)
class AccountingOrderAdmin(SearchedByWhole, ViewAdmin):
    """The list of orders with their sums."""

    list_display = (
        "order",
        "day",
        "currency",
        "payment_shown",
        "total_shown",
        "tax_shown",
        "cancelled_shown",
        "returned_shown",
        "allowances_shown",
        "paid_shown",
        "refunded_shown",
        "pending_shown",
        "written_off_shown",
        "balance_shown",
    )
    list_filter = (
        ("day", DayRangeFilter),
        CurrencyFilter,
        ("payment_status", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("fulfilment_status", ChoicesDropdownFilter),
        ("return_status", ChoicesDropdownFilter),
        ("behind", BooleanRadioFilter),
    )
    list_filter_submit = True
    list_display_links = None  # a row has no page of its own
    search_fields = ("reference", "order_id")
    ids = ("order_id",)
    search_help_text = "The full number or id of an order."
    date_hierarchy = "day"
    indexed = ("day", "order_id")
    ordering = ("-day", "-order_id")
    total_shown = column("total", "Sold")
    tax_shown = column("tax", "Tax included")
    cancelled_shown = column("cancelled", "Cancelled")
    returned_shown = column("returned", "Returned")
    allowances_shown = column("allowances", "Allowances")
    paid_shown = column("paid", "Paid")
    refunded_shown = column("refunded", "Refunded")
    pending_shown = column("refund_pending", "Refund pending")
    written_off_shown = column("written_off", "Bad debt")
    balance_shown = column("balance", "Balance")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountingOrder]:
        queryset: QuerySet[AccountingOrder] = super().get_queryset(request)
        return queryset.defer(*(() if is_page_of_one(request) else ("state", "times")))

    @display(description="Payment", ordering="payment_status", label=COLOURS["payment_status"])
    def payment_shown(self, row: AccountingOrder) -> tuple[str, str]:
        """Return the payment status as a label."""
        return row.payment_status, row.get_payment_status_display()

    @display(description="Order", ordering="order_id")
    def order(self, row: AccountingOrder) -> str:
        """Return the order's number or the end of its id, marked if the row is behind."""
        name = row.reference or f"…{str(row.order_id)[-8:]}"
        return f"{name} (behind)" if row.behind else name


@admin.register(AccountingEntry)
class AccountingEntryAdmin(SearchedByWhole, ViewAdmin):
    """The list of entries."""

    list_display = ("day", "kind", "order", "currency", "amount_shown", "method", "recorded_at")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("day", DayRangeFilter),
        CurrencyFilter,
        MethodFilter,
    )
    list_filter_submit = True
    list_display_links = None  # a row has no page of its own
    search_fields = ("reference", "order_id")
    ids = ("order_id",)
    search_help_text = "The full number or id of an order."
    date_hierarchy = "day"
    indexed = ("day",)
    ordering = ("-day", "-entry_id")
    amount_shown = column("amount", "Amount")

    def by_reference(self, queryset: QuerySet[AccountingEntry], reference: str) -> QuerySet[AccountingEntry]:
        """Return the entries of the orders with this number."""
        orders = AccountingOrder.objects.filter(reference__iexact=reference)
        return queryset.filter(order_id__in=orders.values("order_id"))

    @display(description="Order", ordering="order_id")
    def order(self, row: AccountingEntry) -> str:
        """Return the order's number or the end of its id."""
        return row.reference or f"…{str(row.order_id)[-8:]}"
