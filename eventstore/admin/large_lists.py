"""Admin lists for tables of any size: the cost of a page does not grow with the number of rows.

Fast path: estimates, limits and index reads instead of Django's full counts and sorts; measured in docs/decisions/37.
"""

from datetime import date, datetime, timedelta
from functools import cached_property, partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import DataError, connection
from django.db.models import Max, Min, Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.utils import timezone
from unfold.views import ChangeList

from eventstore.limits.numbers import parse_whole

COUNT_UP_TO = 10_000  # rows that are counted exactly, sorted by any column, and paged through

# A partitioned table has no estimate of its own, so this sums those of its partitions.
_ESTIMATE = """
SELECT coalesce(sum(reltuples), 0) FROM pg_class
 WHERE relkind = 'r' AND (oid = %s::regclass OR oid IN (SELECT relid FROM pg_partition_tree(%s::regclass)))
"""


class FastPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts in bounded time: a large table by PostgreSQL's estimate, filtered rows up to COUNT_UP_TO."""

    @cached_property
    def count(self) -> int:
        """Return the exact number of rows, PostgreSQL's estimate, or COUNT_UP_TO + 1 for more filtered rows."""
        rows: Any = self.object_list
        if not rows.query.where:
            with connection.cursor() as cursor:
                cursor.execute(_ESTIMATE, [rows.model._meta.db_table] * 2)
                estimate = int((cursor.fetchone() or (0,))[0])
            if estimate > COUNT_UP_TO:
                return estimate
        return len(rows.order_by().values_list("pk")[: COUNT_UP_TO + 1])

    @cached_property
    def num_pages(self) -> int:
        """Return the number of pages, limited because the database reads all rows before a page."""
        return min(super().num_pages, max(COUNT_UP_TO // self.per_page, 1))

    def validate_number(self, number: Any) -> int:
        """Return the page's number; the last page for a later one, so that a link to it keeps its filters."""
        text = str(number)
        if text.isascii() and text.isdecimal():
            is_long = len(text) > _LONGEST_NUMBER
            number = self.num_pages if is_long else min(parse_whole(text), self.num_pages)
        return super().validate_number(number)


_LONGEST_NUMBER = 18  # digits of a page's number that is looked at; a longer one means the last page


class CheckedList(ChangeList):
    """Treats a parameter that cannot be read, or that PostgreSQL cannot compare with, as Django treats an unknown one.

    The browser is redirected to the list without parameters.
    """

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(request, *args, **kwargs)
        except (ValueError, TypeError, ArithmeticError, DataError) as error:
            if not request.GET:
                raise
            raise IncorrectLookupParameters(error) from error


class CheckedLists:
    """A mixin for an admin class: its list is a CheckedList, and its actions take only keys that a row can have."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CheckedList]:
        """Return the class of the list."""
        return CheckedList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, or do an action. Whoever chose all rows of all pages need not choose one of this page too."""
        if _is_across(request) and not request.POST.getlist(ACTION_CHECKBOX_NAME):
            posted = request.POST.copy()
            posted[ACTION_CHECKBOX_NAME] = "all"  # not read as a key: the action is done on the whole list
            request.POST = posted  # type: ignore[assignment]  # an immutable one in the stubs
        # unfold's script leaves out the filters that are not chosen. Without it, a browser sends them empty.
        chosen = request.GET.copy()
        for name in [name for name, value in request.GET.items() if not value and name != ALL_VAR]:
            del chosen[name]
        request.GET = chosen  # type: ignore[assignment]  # the same
        return super().changelist_view(request, extra_context)  # type: ignore[misc]  # of the admin class

    def response_action(self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any) -> Any:
        """Do the chosen action. Keys that no row can have lead back to the list: a filter by them would raise."""
        if _is_across(request) or all(
            can_be_key(queryset.model, key) for key in request.POST.getlist(ACTION_CHECKBOX_NAME)
        ):
            return super().response_action(request, queryset, *args, **kwargs)  # type: ignore[misc]  # of the admin class
        messages.warning(request, "A row that was chosen cannot exist, so nothing was done. Choose again.")
        return HttpResponseRedirect(request.get_full_path())


def _is_across(request: HttpRequest) -> bool:
    """Return whether an action was chosen for all rows of all pages."""
    return request.POST.get("select_across") == "1"


def can_be_key(model: type[Model], text: str) -> bool:
    """Return whether a row of the model can have this primary key."""
    try:
        model._meta.pk.to_python(text)
    except (ValidationError, ValueError, ArithmeticError):
        return False
    return "\0" not in text


class LargeList(CheckedList):
    """Sorts many rows by indexed columns only, and offers every period between the first and the last row."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Return the requested order, or the default order if it would sort many rows without an index."""
        ordering = super().get_ordering(request, queryset)
        indexed = self.model_admin.indexed
        if ORDER_VAR not in self.params or str(ordering[0]).lstrip("-") in indexed or not self._is_long(queryset):
            return ordering
        columns = " or ".join(str(self.model._meta.get_field(name).verbose_name) for name in indexed)
        messages.info(request, f"More than {COUNT_UP_TO:,} rows are sorted by {columns} only: filter them first.")
        del self.params[ORDER_VAR]
        return super().get_ordering(request, queryset)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.page_num: int = min(self.page_num, self.paginator.num_pages)

    def _is_long(self, queryset: QuerySet[Any]) -> bool:
        return FastPaginator(queryset, 1).count > COUNT_UP_TO

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        # Django's date hierarchy calls these for its choices. The originals read and sort every row.
        vars(queryset).update(dict.fromkeys(("dates", "datetimes"), partial(_periods, queryset)))
        return queryset


def _periods(queryset: QuerySet[Any], field: str, kind: str) -> list[date]:
    """Return all years, months or days between the first and the last row, whether they have rows or not.

    Django asks for months only within one year, and for days only within one month.
    """
    ends = queryset.order_by().aggregate(first=Min(field), last=Max(field))
    if ends["first"] is None:
        return []
    first, last = (timezone.localdate(end) if isinstance(end, datetime) else end for end in ends.values())
    match kind:
        case "year":
            return [date(year, 1, 1) for year in range(first.year, last.year + 1)]
        case "month":
            return [date(first.year, month, 1) for month in range(first.month, last.month + 1)]
        case _:
            return [first + timedelta(days) for days in range((last - first).days + 1)]
