"""Where staff act: the order list and page with the commands they may send, and the accounts."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from eventstore import store
from eventstore.dispatch import Answer, Refusal, dispatch
from eventstore.ids import new_id
from orders.actions import name_of
from orders.commands import CreateOrder
from ordersite.admin.command_buttons import Buttons, buttons
from ordersite.admin.command_catalog import BULK, OFFERS, Offer
from ordersite.admin.command_form import CommandForm, form_for
from ordersite.admin.form_views import REFUSALS, context_of, is_sent, is_uuid, why
from ordersite.admin.prefill import NEW_ORDER, prefill_fields
from ordersite.admin.rows_field import RowsField
from projections.admin.lookback import looked_back_at
from projections.order_timeline import describe
from projections.reading.read_your_writes import NotYetVisible, wait_for
from projections.staff.admin import StaffOrderAdmin
from projections.staff.order_page import PastOrder
from projections.staff.order_sections import format_money, money_totals, status_labels
from projections.staff.orders import StaffOrder

AT_MOST = 500  # orders one submission may change: each is a command of its own


def _bulk(offer: Offer) -> Any:
    """The list's action that sends one command to each chosen order."""

    def ask(self: "OrderAdmin", request: HttpRequest, queryset: QuerySet[StaffOrder]) -> HttpResponse:
        return self._ask(request, offer, queryset)

    ask.__name__ = offer.name
    return action(description=offer.title, permissions=["send"])(ask)


@admin.register(StaffOrder)
class OrderAdmin(StaffOrderAdmin):
    actions = tuple(_bulk(OFFERS[name_of(command)]) for command in BULK)
    actions_list = ("place",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Nobody sends a command by what an order was: whoever looks back goes back to now first."""
        if looked_back_at(request, StaffOrder):
            return False
        return request.user.has_perm("projections.send_commands")

    @action(description="Place an order", url_path="place", permissions=["send"], icon="add_shopping_cart")
    def place(self, request: HttpRequest) -> HttpResponse:
        """The form of a new order; on POST places it and shows it."""
        offer = OFFERS["create"]
        sent = is_sent(request)
        form = form_for(offer.command, *offer.supplied, known=NEW_ORDER)(request.POST if sent else None)
        if sent and form.is_valid():
            answer = _answer(request, offer, new_id(), form.cleaned_data)
            if isinstance(answer, Answer):
                return self._told(request, answer)
            form.add_error(None, why(answer))
        return self._page(request, offer, [], form=form, url=request.path, title=offer.title)

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("command/<str:name>/", "order-command", self.command_view),)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"offering": self.has_send_permission(request)})

    def offers(self, order: StaffOrder, past: PastOrder | None) -> Buttons:
        return buttons(order, past)

    def command_view(self, request: HttpRequest, name: str, **kwargs: Any) -> HttpResponse:
        """The form of a command for one order or many; on POST sends it to each and reports each outcome."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        if name not in OFFERS:
            raise Http404(f"no command {name}")
        ids = (request.POST if request.method == "POST" else request.GET).getlist("order")
        if not ids or not all(is_uuid(value) for value in ids) or len(ids) > AT_MOST:
            raise Http404("these are no orders")
        return self._ask(request, OFFERS[name], self.get_queryset(request).filter(pk__in=ids))

    def _ask(self, request: HttpRequest, offer: Offer, queryset: QuerySet[StaffOrder]) -> HttpResponse:
        orders = list(queryset[: AT_MOST + 1])
        if len(orders) > AT_MOST:
            messages.error(request, f"Choose at most {AT_MOST} orders at once.")
            return HttpResponseRedirect(request.get_full_path())
        if not orders or (len(orders) > 1 and offer.command not in BULK):
            raise Http404(f"{offer.name} is sent to one order that is there")
        sent = is_sent(request)
        asked = (request.POST if request.method == "POST" else request.GET).dict()
        known = prefill_fields(offer.command, orders[0], asked) if len(orders) == 1 else {}
        made = form_for(offer.command, *offer.supplied, known=known)
        form = made(request.POST if sent else None, initial=None if sent else _initial(made, asked))
        if sent and form.is_valid():
            return self._send(request, offer, orders, form.cleaned_data)
        return self._page(request, offer, orders, form=form)

    def _send(
        self, request: HttpRequest, offer: Offer, orders: list[StaffOrder], fields: dict[str, Any]
    ) -> HttpResponse:
        answers = {order.pk: _answer(request, offer, order.pk, fields) for order in orders}
        if len(orders) == 1:
            (order,) = orders
            answer = answers[order.pk]
            if isinstance(answer, Answer):
                return self._told(request, answer)
            messages.error(request, f"Order {order}: {why(answer)}")
            return HttpResponseRedirect(_page_of(order.pk))
        versions = {key: answer.version for key, answer in answers.items() if isinstance(answer, Answer)}
        done = "done" if _shown(versions) else "done; this will show in a moment"
        outcomes = [
            (order, order.pk in versions, done if order.pk in versions else why(answers[order.pk])) for order in orders
        ]
        return self._page(request, offer, orders, outcomes=outcomes)

    def _told(self, request: HttpRequest, answer: Answer) -> HttpResponse:
        """The order's page, with what the command did at its head: in the words of its timeline."""
        facts = store.read_stream(answer.aggregate_id)
        did = [describe(fact.event).staff for fact in facts if fact.metadata.command_id == answer.command_id]
        words = "; ".join(did) or "that was so already: nothing changed"
        shown = _shown({answer.aggregate_id: answer.version})
        name = StaffOrder.objects.filter(pk=answer.aggregate_id).first() or f"…{str(answer.aggregate_id)[-8:]}"
        messages.success(request, f"Order {name}: {words}{'' if shown else ' (this will show in a moment)'}")
        return HttpResponseRedirect(_page_of(answer.aggregate_id))

    def _page(self, request: HttpRequest, offer: Offer, orders: list[StaffOrder], **more: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{offer.title}: {len(orders)} orders" if len(orders) != 1 else f"{offer.title}: {orders[0]}",
            "opts": self.opts,
            "offer": offer,
            "orders": orders,
            "sums": [(order, format_money(order.total, order.currency)) for order in orders],
            "figures": list(money_totals(orders[0])) if len(orders) == 1 else [],
            "labels": status_labels(orders[0]) if len(orders) == 1 else [],
            "wide": any(isinstance(field, RowsField) for field in getattr(more.get("form"), "fields", {}).values()),
            "url": offer.url,
            "form_id": request.POST.get("form_id") or new_id(),
            "seen": request.POST.get("seen", ""),
            **more,
        }
        return TemplateResponse(request, "ordersite/command.html", context)


def _answer(request: HttpRequest, offer: Offer, order_id: UUID, fields: dict[str, Any]) -> Answer | Refusal:
    """Send the command to one order. The same form with the same content, sent twice, is one command."""
    about = "" if offer.command is CreateOrder else order_id
    context = context_of(request, f"{offer.name} {about} {sorted(fields.items())}")
    by = {"by": context.actor} if "by" in offer.supplied else {}
    try:
        return dispatch(offer.command(order_id=order_id, **by, **fields), context)
    except REFUSALS as refusal:
        return refusal


def _initial(form: type[CommandForm], asked: dict[str, Any]) -> dict[str, Any]:
    """What the address says of the form's fields, such as which part or version it is about."""
    return {name: asked[name] for name, field in form.base_fields.items() if name in asked}


def _page_of(order_id: UUID) -> str:
    return reverse("admin:projections_stafforder_change", args=[order_id])


def _shown(versions: dict[UUID, int]) -> bool:
    """Whether the orders show these versions, after one bounded wait for all of them."""

    def all_there() -> bool | None:
        shown = dict(StaffOrder.objects.filter(pk__in=versions).values_list("pk", "version"))
        return all(shown.get(key, 0) >= version for key, version in versions.items()) or None

    try:
        return wait_for(all_there, projection="staff", rows=versions)
    except NotYetVisible:
        return False
