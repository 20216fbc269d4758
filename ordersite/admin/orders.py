"""The order list and the order page with the commands that staff may send."""

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
from eventstore.dispatch import Answer
from eventstore.ids import id_begun_by
from orders.actions import name_of
from orders.commands import CreateOrder
from orders.http.approvals import send
from orders.order import ORDER
from ordersite.admin.command_buttons import AT_ONCE, Buttons, buttons
from ordersite.admin.command_catalog import BULK, OFFERS, Offer
from ordersite.admin.forms.command_form import form_for
from ordersite.admin.forms.form_views import (
    REFUSALS,
    actor_of,
    context_of,
    form_id_of,
    is_sent,
    is_uuid,
    reason_of,
    typed_data,
)
from ordersite.admin.forms.kept_forms import kept_data
from ordersite.admin.forms.order_forms import OrderForm, Target
from ordersite.admin.forms.prefill import NEW_ORDER
from ordersite.admin.forms.rows_field import RowsField
from projections.admin.lookback import looked_back_at
from projections.order_timeline import describe
from projections.reading.read_your_writes import NotYetVisible, wait_for
from projections.staff.admin import StaffOrderAdmin
from projections.staff.order_page import PastOrder
from projections.staff.order_sections import money_totals, status_labels
from projections.staff.orders import StaffOrder

AT_MOST = 500  # orders that one form may change; each order gets its own command


def _bulk(offer: Offer) -> Any:
    """Return the list action that sends this command to each selected order."""

    def ask(self: "OrderAdmin", request: HttpRequest, queryset: QuerySet[StaffOrder]) -> HttpResponse:
        return self._ask(request, offer, queryset)

    ask.__name__ = offer.name
    return action(description=offer.title, permissions=["send"])(ask)


@admin.register(StaffOrder)
class OrderAdmin(StaffOrderAdmin):
    """The staff read model's admin, with commands."""

    actions = tuple(_bulk(OFFERS[name_of(command)]) for command in BULK)
    actions_list = ("place",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return False while the list shows a past moment: commands are sent from the current state only."""
        if looked_back_at(request, StaffOrder):
            return False
        return request.user.has_perm("projections.send_commands")

    @action(description="Place an order", url_path="place", permissions=["send"], icon="add_shopping_cart")
    def place(self, request: HttpRequest) -> HttpResponse:
        """Show the form of a new order; on POST, place the order and show it."""
        offer, typed = OFFERS["create"], typed_data(request)
        form = form_for(offer.command, *offer.supplied, prefill=NEW_ORDER)(typed)
        if is_sent(request) and form.is_valid():
            fields = form.cleaned_data
            context = context_of(request, f"{offer.name}  {sorted(fields.items())}", None)
            try:
                order_id = id_begun_by(context.command_id, ORDER.aggregate_type)
                return self._show_result(request, send(CreateOrder(order_id=order_id, **fields), context))
            except REFUSALS as refusal:
                form.add_error(None, reason_of(refusal))
        page = {"form": form, "form_id": form_id_of(typed), "url": request.path, "title": offer.title}
        return self._page(request, offer, [], **page)

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("command/<str:name>/", "order-command", self.command_view),)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"offering": self.has_send_permission(request)})

    def offers(self, request: HttpRequest, order: StaffOrder, past: PastOrder | None) -> Buttons:
        """Return the buttons of the order page for the person of the request."""
        return buttons(order, past, by=actor_of(request))

    def command_view(self, request: HttpRequest, name: str, **kwargs: Any) -> HttpResponse:
        """Show the form of a command for one order or many; on POST, send it to each and report each outcome."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        if name not in OFFERS:
            raise Http404(f"no command {name}")
        data = request.POST if request.method == "POST" else kept_data(request) or request.GET
        ids = data.getlist("order")
        if not ids and request.method != "POST":
            messages.info(request, f"{OFFERS[name].title}: choose the orders first.")
            return HttpResponseRedirect(_list())
        if not ids or not all(is_uuid(value) for value in ids) or len(ids) > AT_MOST:
            raise Http404("the request names no orders, or too many")
        return self._ask(request, OFFERS[name], self.get_queryset(request).filter(pk__in=ids))

    def _ask(self, request: HttpRequest, offer: Offer, queryset: QuerySet[StaffOrder]) -> HttpResponse:
        orders = list(queryset.defer(None).defer("times", "search")[: AT_MOST + 1])
        if len(orders) > AT_MOST:
            messages.error(request, f"Choose at most {AT_MOST} orders at once.")
            return HttpResponseRedirect(request.get_full_path())
        if not orders or (len(orders) > 1 and offer.command not in BULK):
            raise Http404(f"{offer.name} needs one order that exists")
        form = OrderForm(request, offer, orders)
        if not (form.is_sent and form.is_valid()):
            return self._page(request, offer, form.targets, form=form.form, sent=form)
        form.send()
        return self._show_outcome(request, form) if len(orders) == 1 else self._show_outcomes(request, form)

    def _show_outcome(self, request: HttpRequest, form: OrderForm) -> HttpResponse:
        """Show the changed order, or the form with the refusal; a button without a form leads back to the order."""
        (target,) = form.targets
        if target.answer:
            return self._show_result(request, target.answer)
        if form.offer.command in AT_ONCE:
            since = "; ".join(map(str, target.changes))
            messages.error(request, f"Order {target.order}: {target.refusal}{f' Since then: {since}' if since else ''}")
            return HttpResponseRedirect(_page_of(target.order.pk))
        form.form.add_error(None, target.refusal)
        return self._page(request, form.offer, form.targets, form=form.form, sent=form)

    def _show_outcomes(self, request: HttpRequest, form: OrderForm) -> HttpResponse:
        """Show what came of the command for each order, and the form again for those that refused it."""
        versions = {each.order.pk: each.answer.version for each in form.targets if each.answer}
        done = "done" if _are_shown(versions) else "done; the list will show it in a moment"
        page = {"form": form.form, "sent": form, "outcomes": form.targets, "done": done}
        return self._page(request, form.offer, form.targets, **page)

    def _show_result(self, request: HttpRequest, answer: Answer) -> HttpResponse:
        """Redirect to the order's page, with a message that describes the new events as the timeline does."""
        facts = store.read_stream(answer.aggregate_id, tolerant=True)
        new = [describe(fact.event).staff for fact in facts if fact.metadata.command_id == answer.command_id]
        text = "; ".join(new) or "nothing changed, because it was so already"
        is_shown = _are_shown({answer.aggregate_id: answer.version})
        name = StaffOrder.objects.filter(pk=answer.aggregate_id).first() or f"…{str(answer.aggregate_id)[-8:]}"
        messages.success(request, f"Order {name}: {text}{'' if is_shown else ' (the page will show it in a moment)'}")
        return HttpResponseRedirect(_page_of(answer.aggregate_id))

    def _page(self, request: HttpRequest, offer: Offer, targets: list[Target], **more: Any) -> HttpResponse:
        orders = [each.order for each in targets]
        context = {
            **self.admin_site.each_context(request),
            "title": f"{offer.title}: {len(orders)} orders" if len(orders) != 1 else f"{offer.title}: {orders[0]}",
            "opts": self.opts,
            "offer": offer,
            "orders": orders,
            "figures": list(money_totals(orders[0])) if len(orders) == 1 else [],
            "labels": status_labels(orders[0]) if len(orders) == 1 else [],
            "wide": any(isinstance(field, RowsField) for field in more["form"].fields.values()),
            "url": offer.url,
            **more,
        }
        return TemplateResponse(request, "ordersite/command.html", context)


def _list() -> str:
    return reverse("admin:projections_stafforder_changelist")


def _page_of(order_id: UUID) -> str:
    return reverse("admin:projections_stafforder_change", args=[order_id])


def _are_shown(versions: dict[UUID, int]) -> bool:
    """Whether the read model shows these versions. Waits a limited time, once for all of them."""

    def all_shown() -> bool | None:
        shown = dict(StaffOrder.objects.filter(pk__in=versions).values_list("pk", "version"))
        return all(shown.get(key, 0) >= version for key, version in versions.items()) or None

    try:
        return wait_for(all_shown, projection="staff", rows=versions)
    except NotYetVisible:
        return False
