"""Orders as staff browse them. The commands are added where both sides are known: ordersite.admin.orders."""

import re
from datetime import datetime, time, timedelta
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
    RangeDateFilter,
    RangeNumericFilter,
)
from unfold.decorators import display
from unfold.utils import parse_date_str

from eventstore.admin.large_lists import COUNT_UP_TO
from eventstore.followers.process_managers import plans_for
from eventstore.ids import new_id
from orders.statuses import FulfilmentStatus, ReturnsStatus
from projections.admin.list_filters import COLOURS, ColumnFilter, CurrencyFilter, clean, is_page_of_one
from projections.admin.lookback import ViewAdmin, looked_back_at
from projections.engine.checkpoints import LIVE, ParkedEvent
from projections.reading.replicas import may_lag
from projections.staff.order_page import NoSuchPast, PastOrder, as_it_was, held, timeline
from projections.staff.order_sections import amount, figures, labels, lines, parts, staged
from projections.staff.orders import StaffOrder

_THREE_LETTERS = re.compile(r"[^\W_]{3}")


class CountryFilter(ColumnFilter):
    title = "country"
    parameter_name = "country"


class PlacedFilter(RangeDateFilter):
    """Whole days of the shop: the last one to its end."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffOrder]) -> QuerySet[StaffOrder]:
        for name, lookup, days in (("placed_at_from", "gte", 0), ("placed_at_to", "lt", 1)):
            day = parse_date_str(self.used_parameters.get(name) or "")
            if day:
                start = timezone.make_aware(datetime.combine(day, time.min)) + timedelta(days=days)
                queryset = queryset.filter(**{f"placed_at__{lookup}": start})
        return queryset


class StaffOrderAdmin(ViewAdmin):
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
        heavy = () if is_page_of_one(request) else ("state", "times", "search")
        queryset: QuerySet[StaffOrder] = super().get_queryset(request)
        return queryset.defer(*heavy)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StaffOrder], search_term: str
    ) -> tuple[QuerySet[StaffOrder], bool]:
        """Every word has to be found somewhere. A trigram index answers that, where a word has three letters."""
        words = clean(search_term).lower().split()
        for word in words:
            queryset = queryset.filter(search__contains=word)
        if words and not any(_THREE_LETTERS.search(word) for word in words):
            newest = StaffOrder.objects.order_by("-placed_at").values_list("placed_at", flat=True)
            since = newest[COUNT_UP_TO : COUNT_UP_TO + 1].first()
            if since:
                queryset = queryset.filter(placed_at__gt=since)
                messages.info(request, f"Less than three letters are looked for in the last {COUNT_UP_TO:,} orders.")
        return queryset, False

    @display(description="Order", ordering="order_id")
    def order(self, order: StaffOrder) -> str:
        return str(order)

    @display(description="Status", ordering="status", label=COLOURS["status"])
    def status_shown(self, order: StaffOrder) -> tuple[str, str]:
        return order.status, f"{order.get_status_display()}{', behind' if order.behind else ''}"

    @display(description="Payment", ordering="payment_status", label=COLOURS["payment_status"])
    def payment_shown(self, order: StaffOrder) -> tuple[str, str]:
        return order.payment_status, order.get_payment_status_display()

    @display(description="Fulfilment", ordering="fulfilment_status", label=COLOURS["fulfilment_status"])
    def fulfilment_shown(self, order: StaffOrder) -> tuple[str, str] | None:
        if order.fulfilment_status == FulfilmentStatus.NONE:
            return None
        return order.fulfilment_status, order.get_fulfilment_status_display()

    @display(description="Return", ordering="return_status", label=COLOURS["return_status"])
    def return_shown(self, order: StaffOrder) -> tuple[str, str] | None:
        if order.return_status == ReturnsStatus.NONE:
            return None
        return order.return_status, order.get_return_status_display()

    @display(description="Customer", ordering="customer_name")
    def customer(self, order: StaffOrder) -> str:
        return order.customer_name or ("registered" if order.customer_id else "guest")

    @display(description="Total", ordering="total")
    def total_shown(self, order: StaffOrder) -> str:
        return amount(order.total, order.currency)

    @display(description="Open")
    def due_shown(self, order: StaffOrder) -> str:
        if order.due_back:
            return f"{amount(order.due_back, order.currency)} back"
        return amount(order.due, order.currency) if order.due else "—"

    def _found(self, request: HttpRequest, object_id: str) -> tuple[StaffOrder, list[dict[str, Any]]] | None:
        """The order, and its timeline; asked of the primary where a replica has not heard of all that happened."""
        order = self.get_object(request, object_id)
        history = timeline(order.order_id) if order else []
        if order is None or (history and history[0]["version"] > order.version):
            with may_lag(False):
                order = self.get_object(request, object_id)
        return (order, history or timeline(order.order_id)) if order else None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The order page: what it is now, and everything that ever happened to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self._found(request, object_id)
        if found is None:
            messages.warning(request, f"There is no order {object_id} here; a new one may take a moment to appear.")
            return HttpResponseRedirect(reverse("admin:projections_stafforder_changelist"))
        order, history = found
        behind = history[0]["version"] - order.version if history else 0
        past, looks_back = None, looked_back_at(request, StaffOrder)
        try:
            past = as_it_was(order, _asked(request))
        except NoSuchPast as problem:
            messages.error(request, str(problem))
        if past:
            order, behind = past.order, 0
        offers = self.offers(order, past) if (extra_context or {}).get("offering") else None
        context = {
            **self.admin_site.each_context(request),
            "title": f"Order {order}",
            "opts": self.opts,
            "order": order,
            "labels": labels(order),
            "figures": list(figures(order)),
            "lines": lines(order),
            "parts": parts(order, offers.parts if offers else {}),
            "staged": staged(order),
            "held": held(history, order.version) if order.state.on_hold else None,
            "timeline": history,
            "behind": behind,
            "stuck": None if past else _stuck(order),
            "past": past,
            "looks_back": looks_back is not None,
            "looked_at": f"order {order} {past.when if past else ''}",
            "plans": [] if past else plans_for(order.order_id),
            "offers": offers,
            "form_id": new_id(),
        }
        return TemplateResponse(request, "projections/order.html", context)

    def offers(self, order: StaffOrder, past: PastOrder | None) -> Any:
        """The commands that the order's page offers: none, until somebody who knows commands says which."""
        return None


def _asked(request: HttpRequest) -> dict[str, Any]:
    """Which past is asked for: by this request, or by what the person looks back at."""
    asked: dict[str, Any] = request.GET.dict()
    view = looked_back_at(request, StaffOrder)
    if view and not {"version", "as_of", "recorded_by"} & set(asked):
        moments = {"as_of": view.as_of, "recorded_by": view.recorded_by}
        asked |= {name: moment.isoformat() for name, moment in moments.items() if moment}
    return asked


def _stuck(order: StaffOrder) -> ParkedEvent | None:
    """The event that this order's row cannot get past."""
    parked = ParkedEvent.objects.filter(projection="staff", space=LIVE, aggregate_id=order.order_id)
    return parked.order_by("position").first() if order.behind else None
