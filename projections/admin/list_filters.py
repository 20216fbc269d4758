"""What the admin lists of all audiences share: the colours of statuses, filters by typed text, and search by id."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter

_GOOD, _NEUTRAL, _ATTENTION, _BAD = "success", "info", "warning", "danger"
COLOURS: dict[str, dict[str, str]] = {
    "status": {"open": _NEUTRAL, "on_hold": _ATTENTION, "completed": _GOOD, "cancelled": _BAD},
    "payment_status": {
        "unpaid": _NEUTRAL, "failed": _BAD, "voided": _NEUTRAL, "authorised": _NEUTRAL, "partially_paid": _ATTENTION,
        "paid": _GOOD, "overcharged": _ATTENTION, "partially_refunded": _GOOD, "refunded": _GOOD, "written_off": _BAD,
    },
    "fulfilment_status": {
        "none": _NEUTRAL, "unfulfilled": _NEUTRAL, "partial": _ATTENTION, "fulfilled": _GOOD, "delivered": _GOOD,
    },
    "return_status": {
        "none": _NEUTRAL, "requested": _ATTENTION, "approved": _NEUTRAL, "partial": _NEUTRAL, "returned": _GOOD,
        "declined": _BAD,
    },
}  # fmt: skip
"""The label colour of each value of each status column."""


class ColumnFilter(TextFilter):
    """Filters by the exact text that was typed, on the column `parameter_name`. Does not query for distinct values."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows whose column equals the typed text; all rows if nothing was typed."""
        if not self.value():
            return queryset
        text = self.column_value(clean(self.value()))
        return queryset.filter(**{self.parameter_name: text}) if text else queryset.none()

    def column_value(self, text: str) -> str:
        """Return the column's value for the typed text; override it to change the spelling."""
        return text


class SearchedByWhole:
    """A mixin for an admin that searches for whole ids and whole references, which indexes answer.

    It must be the first base class.
    """

    ids: tuple[str, ...] = ()
    """The columns that hold an id."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows with this id or, if there are none, with this reference."""
        term = clean(search_term).strip()
        if not term:
            return queryset, False
        try:
            by_id = Q(*((name, UUID(term)) for name in self.ids), _connector=Q.OR)
        except ValueError:
            return self.by_reference(queryset, term), False
        matches = queryset.filter(by_id)
        return (matches if matches.exists() else self.by_reference(queryset, term)), False

    def by_reference(self, queryset: QuerySet[Any], reference: str) -> QuerySet[Any]:
        """Return the rows with this reference, in upper or lower case."""
        return queryset.filter(reference__iexact=reference)


class CurrencyFilter(ColumnFilter):
    """Filters by currency code, typed in upper or lower case."""

    title = "currency"
    parameter_name = "currency"

    def column_value(self, text: str) -> str:
        """Return the code in upper case."""
        return text.upper()


def clean(text: str) -> str:
    """Return the text without NUL characters, which PostgreSQL refuses."""
    return text.replace("\0", "")


def is_page_of_one(request: HttpRequest) -> bool:
    """Return whether the request is for the page of a single row, which shows more columns than a list."""
    return request.resolver_match is not None and "object_id" in request.resolver_match.kwargs
