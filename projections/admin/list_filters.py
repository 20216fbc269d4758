"""What the lists of all audiences have in common: the colours of statuses, and filters by a column's own text."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter

_GOOD, _NEWS, _LOOK, _BAD = "success", "info", "warning", "danger"
COLOURS: dict[str, dict[str, str]] = {
    "status": {"open": _NEWS, "on_hold": _LOOK, "completed": _GOOD, "cancelled": _BAD},
    "payment_status": {
        "unpaid": _NEWS, "failed": _BAD, "voided": _NEWS, "authorised": _NEWS, "partially_paid": _LOOK, "paid": _GOOD,
        "overcharged": _LOOK, "partially_refunded": _GOOD, "refunded": _GOOD, "written_off": _BAD,
    },
    "fulfilment_status": {
        "none": _NEWS, "unfulfilled": _NEWS, "partial": _LOOK, "fulfilled": _GOOD, "delivered": _GOOD,
    },
    "return_status": {
        "none": _NEWS, "requested": _LOOK, "approved": _NEWS, "partial": _NEWS, "returned": _GOOD, "declined": _BAD,
    },
}  # fmt: skip
"""Of each status: what is as it should be, what is news, and what somebody has to look at."""


class ColumnFilter(TextFilter):
    """Rows of which the column `parameter_name` is the text that was typed. Asks the table for no distinct values."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        text = self.wanted(clean(self.value()))
        return queryset.filter(**{self.parameter_name: text}) if text else queryset.none()

    def wanted(self, text: str) -> str:
        return text


class SearchedByWhole:
    """For an admin: looks for whole ids and whole references, as indexes answer it. First of the bases."""

    ids: tuple[str, ...] = ()
    """The columns in which an id may stand."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        wanted = clean(search_term).strip()
        if not wanted:
            return queryset, False
        try:
            by_id = Q(*((name, UUID(wanted)) for name in self.ids), _connector=Q.OR)
        except ValueError:
            return self.by_reference(queryset, wanted), False
        found = queryset.filter(by_id)
        return (found if found.exists() else self.by_reference(queryset, wanted)), False

    def by_reference(self, queryset: QuerySet[Any], reference: str) -> QuerySet[Any]:
        return queryset.filter(reference__iexact=reference)


class CurrencyFilter(ColumnFilter):
    title = "currency"
    parameter_name = "currency"

    def wanted(self, text: str) -> str:
        return text.upper()


def clean(text: str) -> str:
    """Without the one character that PostgreSQL takes in no text."""
    return text.replace("\0", "")


def is_page_of_one(request: HttpRequest) -> bool:
    """Whether one row's page is asked for, which shows what a list leaves out."""
    return request.resolver_match is not None and "object_id" in request.resolver_match.kwargs
