"""What the admin lists of all audiences share: the colours of statuses, filters by typed text, and search by id."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter, TextFilter
from unfold.contrib.filters.forms import RangeDateForm

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


class DayRangeForm(RangeDateForm):
    """The two days of a filter, typed or chosen from the calendar. Works without JavaScript."""

    hint = "Type a day as year-month-day, such as 2031-03-31, or as day/month/year."  # as DATE_INPUT_FORMATS

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(name, *args, **kwargs)
        for key, field in self.fields.items():
            field.error_messages["invalid"] = f"This is no date. {self.hint}"
            field.widget.attrs["aria-describedby"] = f"{name}-hint"
            field.widget.attrs["id"] = f"id_{key}"


class DayRangeFilter(RangeDateFilter):
    """Filters by whole days, the first and the last included. For a text that is no date: a message, and no rows."""

    form_class = DayRangeForm
    _told = False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows from the first to the last day; none if one of them is no date."""
        form = self.form_class(self.parameter_name, data=self.used_parameters)
        if form.is_valid():
            first, last = (form.cleaned_data[f"{self.parameter_name}_{end}"] for end in ("from", "to"))
            return queryset.filter(**dict(self.conditions(first, last)))
        if not self._told:  # Django asks each filter several times
            self._told = True
            messages.error(
                request, f"{str(self.title).capitalize()}: {DayRangeForm.hint} No row is shown until you correct it."
            )
        return queryset.none()

    def conditions(self, first: date | None, last: date | None) -> Iterator[tuple[str, Any]]:
        """Yield the lookups of a column of days."""
        if first:
            yield f"{self.parameter_name}__gte", first
        if last:
            yield f"{self.parameter_name}__lte", last


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
