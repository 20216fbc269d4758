"""Admin pages of customer accounts, without commands. `ordersite.admin.accounts` adds the commands."""

from django.contrib import admin
from django.db.models import QuerySet
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from projections.accounting.admin.journal import column
from projections.accounting.balances import AccountMoney, AccountMoneyEntry
from projections.admin.list_filters import CurrencyFilter, DayRangeFilter, SearchedByWhole
from projections.admin.lookback import ViewAdmin


class AccountMoneyAdmin(SearchedByWhole, ViewAdmin):
    """The list of customer accounts."""

    list_display = ("customer", "currency", "deposited_shown", "withdrawn_shown", "balance_shown", "opened_on")
    list_filter = (CurrencyFilter, ("opened_on", DayRangeFilter))
    list_filter_submit = True
    list_display_links = None  # a row has no page of its own
    search_fields = ids = ("customer_id", "account_id")
    search_help_text = "The full id of a customer or an account."
    indexed = ("balance",)
    ordering = ("-balance", "account_id")
    deposited_shown = column("deposited", "Deposited")
    withdrawn_shown = column("withdrawn", "Withdrawn")
    balance_shown = column("balance", "Balance")

    def by_reference(self, queryset: QuerySet[AccountMoney], reference: str) -> QuerySet[AccountMoney]:
        """Return no account: accounts have no reference."""
        return queryset.none()

    @display(description="Customer", ordering="customer_id")
    def customer(self, row: AccountMoney) -> str:
        """Return the customer's id, marked if the row is behind."""
        return f"{row.customer_id}{' (behind)' if row.behind else ''}"


@admin.register(AccountMoneyEntry)
class AccountMoneyEntryAdmin(SearchedByWhole, ViewAdmin):
    """The list of account movements."""

    list_display = ("day", "kind", "customer_id", "currency", "amount_shown", "method", "reason", "recorded_at")
    list_filter = (("kind", ChoicesDropdownFilter), ("day", DayRangeFilter))
    list_filter_submit = True
    list_display_links = None  # a row has no page of its own
    ids = ("customer_id", "account_id")
    search_fields = (*ids, "reference")
    search_help_text = "The full id of a customer or an account, or a reference."
    date_hierarchy = "day"
    indexed = ("day",)
    ordering = ("-day", "-entry_id")
    amount_shown = column("amount", "Amount")
