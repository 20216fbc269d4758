"""The admin pages of orders, without commands. `ordersite.admin.orders` adds the commands."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeNumericFilter,
)
from unfold.decorators import display

from eventstore.admin.large_lists import COUNT_UP_TO
from eventstore.followers.process_managers import plans_for
from eventstore.ids import new_id
from eventstore.records import Recorded
from orders.statuses import FulfilmentStatus, ReturnsStatus
from projections.admin.list_filters import COLOURS, ColumnFilter, CurrencyFilter, DayRangeFilter, clean, is_page_of_one
from projections.admin.lookback import ViewAdmin, looked_back_at
from projections.engine.checkpoints import LIVE, ParkedEvent
from projections.reading.replicas import may_lag
from projections.staff.order_page import NoSuchPast, PastOrder, hold_entry, past_order, read_history, timeline
from projections.staff.order_sections import (
    discount_rows,
    format_money,
    line_rows,
    money_totals,
    part_rows,
    prepared_change,
    status_labels,
)
from projections.staff.orders import StaffOrder

_THREE_LETTERS = re.compile(r"[^\W_]{3}")


class CountryFilter(ColumnFilter):
    """Filter the list by country."""

    title = "country"
    parameter_name = "country"


class PlacedFilter(DayRangeFilter):
    """Filter by whole days in the shop's time zone."""

    def conditions(self, first: date | None, last: date | None) -> Iterator[tuple[str, Any]]:
        """Yield the lookups of a column of times."""
        for day, lookup, days in ((first, "gte", 0), (last, "lt", 1)):
            if day:
                start = timezone.make_aware(datetime.combine(day, time.min)) + timedelta(days=days)
                yield f"{self.parameter_name}__{lookup}", start


class StaffOrderAdmin(ViewAdmin):
    """The list of orders and the page of one order. A subclass adds the commands."""

    list_display = (
        "order",
        "status_shown",
        "payment_shown",
        "fulfilment_shown",
        "return_shown",
        "customer",
        "total_shown",
        "due_shown",
        "placed_at",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("payment_status", ChoicesDropdownFilter),
        ("fulfilment_status", ChoicesDropdownFilter),
        ("return_status", ChoicesDropdownFilter),
        CountryFilter,
        CurrencyFilter,
        ("placed_at", PlacedFilter),
        ("total", RangeNumericFilter),
        ("behind", BooleanRadioFilter),
    )
    list_filter_submit = True
    search_fields = ("search",)
    search_help_text = "Part of an order's id or number, a name, an e-mail, a country, a sku or a tracking code."
    date_hierarchy = "placed_at"
    indexed = ("placed_at", "total", "order_id")
    ordering = ("-placed_at", "-order_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffOrder]:
        large_columns = () if is_page_of_one(request) else ("state", "times", "search")
        queryset: QuerySet[StaffOrder] = super().get_queryset(request)
        return queryset.defer(*large_columns)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StaffOrder], search_term: str
    ) -> tuple[QuerySet[StaffOrder], bool]:
        """Return the orders whose search text contains every word.

        The trigram index needs a word of three letters. Without one, only the newest COUNT_UP_TO orders are searched.
        """
        words = clean(search_term).lower().split()
        for word in words:
            queryset = queryset.filter(search__contains=word)
        if words and not any(_THREE_LETTERS.search(word) for word in words):
            newest = StaffOrder.objects.order_by("-placed_at").values_list("placed_at", flat=True)
            since = newest[COUNT_UP_TO : COUNT_UP_TO + 1].first()
            if since:
                queryset = queryset.filter(placed_at__gt=since)
                messages.info(
                    request, f"A search for less than three letters covers only the newest {COUNT_UP_TO:,} orders."
                )
        return queryset, False

    @display(description="Order", ordering="order_id")
    def order(self, order: StaffOrder) -> str:
        """Return the order's number, or the end of its id."""
        return str(order)

    @display(description="Status", ordering="status", label=COLOURS["status"])
    def status_shown(self, order: StaffOrder) -> tuple[str, str]:
        """Return the status as a label, marked if the row is behind."""
        return order.status, f"{order.get_status_display()}{', behind' if order.behind else ''}"

    @display(description="Payment", ordering="payment_status", label=COLOURS["payment_status"])
    def payment_shown(self, order: StaffOrder) -> tuple[str, str]:
        """Return the payment status as a label."""
        return order.payment_status, order.get_payment_status_display()

    @display(description="Fulfilment", ordering="fulfilment_status", label=COLOURS["fulfilment_status"])
    def fulfilment_shown(self, order: StaffOrder) -> tuple[str, str] | None:
        """Return the fulfilment status as a label, if it is not `none`."""
        if order.fulfilment_status == FulfilmentStatus.NONE:
            return None
        return order.fulfilment_status, order.get_fulfilment_status_display()

    @display(description="Return", ordering="return_status", label=COLOURS["return_status"])
    def return_shown(self, order: StaffOrder) -> tuple[str, str] | None:
        """Return the return status as a label, if it is not `none`."""
        if order.return_status == ReturnsStatus.NONE:
            return None
        return order.return_status, order.get_return_status_display()

    @display(description="Customer", ordering="customer_name")
    def customer(self, order: StaffOrder) -> str:
        """Return the customer's name, or whether the customer is registered or a guest."""
        return order.customer_name or ("registered" if order.customer_id else "guest")

    @display(description="Total", ordering="total")
    def total_shown(self, order: StaffOrder) -> str:
        """Return the total with its currency."""
        return format_money(order.total, order.currency)

    @display(description="Open")
    def due_shown(self, order: StaffOrder) -> str:
        """Return what the customer owes, or what the shop owes the customer."""
        if order.due_back:
            return f"{format_money(order.due_back, order.currency)} back"
        return format_money(order.due, order.currency) if order.due else "—"

    def _load(self, request: HttpRequest, object_id: str) -> tuple[StaffOrder, list[Recorded[Any]]] | None:
        """Return the order's row and its facts from the log, each read once.

        A replica may lag: if the row is missing or older than the log, it is read again from the primary.
        """
        order = self.get_object(request, object_id)
        facts = read_history(order.order_id) if order else []
        if order is None or (facts and facts[-1].version > order.version):
            with may_lag(False):
                order = self.get_object(request, object_id)
        return (order, facts or read_history(order.order_id)) if order else None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the order as it is now, or as it was, with its timeline."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        loaded = self._load(request, object_id)
        if loaded is None:
            messages.warning(request, f"There is no order {object_id}. A new order may take a moment to appear.")
            return HttpResponseRedirect(reverse("admin:projections_stafforder_changelist"))
        order, facts = loaded
        behind = facts[-1].version - order.version if facts else 0
        past, looks_back = None, looked_back_at(request, StaffOrder)
        try:
            past = past_order(order, facts, _past_params(request))
        except NoSuchPast as problem:
            messages.error(request, str(problem))
        if past:
            order, behind = past.order, 0
        buttons = self.offers(request, order, past) if (extra_context or {}).get("offering") else None
        entries = timeline(facts)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Order {order}",
            "opts": self.opts,
            "order": order,
            "status_labels": status_labels(order),
            "totals": list(money_totals(order)),
            "lines": line_rows(order),
            "discounts": discount_rows(order),
            "parts": part_rows(order, buttons.parts if buttons else {}),
            "prepared": prepared_change(order),
            "hold": hold_entry(entries, order.version) if order.state.on_hold else None,
            "timeline": entries,
            "behind": behind,
            "parked_event": None if past else _parked_event(order),
            "past": past,
            "looks_back": looks_back is not None,
            "looked_at": f"order {order} {past.when if past else ''}",
            "plans": [] if past else plans_for(order.order_id),
            "buttons": buttons,
            "form_id": new_id(),
        }
        return TemplateResponse(request, "projections/order.html", context)

    def offers(self, request: HttpRequest, order: StaffOrder, past: PastOrder | None) -> Any:
        """Return the command buttons of the page for the person of the request. A subclass overrides it."""
        return None


def _past_params(request: HttpRequest) -> dict[str, Any]:
    """Return the parameters that choose a past: of this request, or of the read model that the user looks back at."""
    params: dict[str, Any] = request.GET.dict()
    build = looked_back_at(request, StaffOrder)
    if build and not {"version", "as_of", "recorded_by"} & set(params):
        moments = {"as_of": build.as_of, "recorded_by": build.recorded_by}
        params |= {name: moment.isoformat() for name, moment in moments.items() if moment}
    return params


def _parked_event(order: StaffOrder) -> ParkedEvent | None:
    """Return the first parked event of the order, if its row is behind."""
    parked = ParkedEvent.objects.filter(projection="staff", space=LIVE, aggregate_id=order.order_id)
    return parked.order_by("position").first() if order.behind else None
