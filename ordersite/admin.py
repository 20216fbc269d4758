"""Where staff act: the order list and page with the commands they may send, and the accounts."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from eventstore.dispatch import Answer, Context, Refusal, dispatch
from eventstore.errors import CommandRefused, ConcurrencyError, IdempotencyConflict
from eventstore.ids import new_id
from orders.commands import CancelOrder, RestoreOrder, ShipOrder
from orders.http import correlation_of
from ordersite.forms import form_for
from ordersite.models import User
from projections.lookback import looked_back_at
from projections.staff.admin import PAST, StaffOrderAdmin
from projections.staff.orders import StaffOrder
from projections.waiting import NotYetVisible, wait_for

AT_ONCE = 500  # orders one submission may change: each is a command of its own


@dataclass(frozen=True)
class Offer:
    """A command as the admin offers it."""

    command: type
    name: str
    title: str
    done: str
    icon: str
    variant: str
    when: frozenset[str]
    """The statuses in which the order's page offers it; the rules decide, whatever is offered."""

    @property
    def url(self) -> str:
        return reverse("admin:order-command", args=[self.name])


OFFERS = {
    offer.name: offer
    for offer in (
        Offer(ShipOrder, "ship", "Ship", "shipped", "local_shipping", "primary", frozenset({"paid"})),
        Offer(CancelOrder, "cancel", "Cancel order", "cancelled", "block", "default", frozenset({"created", "paid"})),
        # Offered where an earlier version is shown: it names that version.
        Offer(RestoreOrder, "restore", "Restore this version", "restored", "history", "primary", frozenset({PAST})),
    )
}


@admin.register(StaffOrder)
class OrderAdmin(StaffOrderAdmin):
    actions = ("ship", "cancel")

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Nobody sends a command by what an order was: whoever looks back goes back to now first."""
        if looked_back_at(request, StaffOrder):
            return False
        return request.user.has_perm("projections.send_commands")

    @action(description="Ship", permissions=["send"])
    def ship(self, request: HttpRequest, queryset: QuerySet[StaffOrder]) -> HttpResponse:
        return self._ask(request, "ship", queryset)

    @action(description="Cancel", permissions=["send"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[StaffOrder]) -> HttpResponse:
        return self._ask(request, "cancel", queryset)

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("command/<str:name>/", "order-command", self.command_view),)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        offers = OFFERS.values() if self.has_send_permission(request) else ()
        return super().change_view(request, object_id, form_url, {"offers": offers})

    def command_view(self, request: HttpRequest, name: str, **kwargs: Any) -> HttpResponse:
        """The form of a command for one order or many; on POST sends it to each and reports each outcome."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        if name not in OFFERS:
            raise Http404(f"no command {name}")
        ids = (request.POST if request.method == "POST" else request.GET).getlist("order")
        if not ids or not all(_is_uuid(value) for value in ids) or len(ids) > AT_ONCE:
            raise Http404("these are no orders")
        return self._ask(request, name, self.get_queryset(request).filter(pk__in=ids))

    def _ask(self, request: HttpRequest, name: str, queryset: QuerySet[StaffOrder]) -> HttpResponse:
        offer = OFFERS[name]
        orders = list(queryset[: AT_ONCE + 1])
        if len(orders) > AT_ONCE:
            messages.error(request, f"Choose at most {AT_ONCE} orders at once.")
            return HttpResponseRedirect(request.get_full_path())
        sent = request.method == "POST" and "form_id" in request.POST
        form = form_for(offer.command, "order_id")(request.POST if sent else None, initial=request.GET.dict())
        if sent and form.is_valid() and _is_uuid(request.POST["form_id"]):
            return self._send(request, offer, orders, form.cleaned_data)
        return self._page(request, offer, orders, form=form, form_id=request.POST.get("form_id") or new_id())

    def _send(
        self, request: HttpRequest, offer: Offer, orders: list[StaffOrder], fields: dict[str, Any]
    ) -> HttpResponse:
        answers = {order.pk: _answer(request, offer, order.pk, fields) for order in orders}
        versions = {key: answer.version for key, answer in answers.items() if isinstance(answer, Answer)}
        done = offer.done if _shown(versions) else f"{offer.done}; this will show in a moment"
        outcomes = [
            (order, order.pk in versions, done if order.pk in versions else _why(answers[order.pk])) for order in orders
        ]
        if len(outcomes) == 1:
            order, was_done, words = outcomes[0]
            messages.add_message(request, messages.SUCCESS if was_done else messages.ERROR, f"Order {order}: {words}")
            return HttpResponseRedirect(reverse("admin:projections_stafforder_change", args=[order.pk]))
        return self._page(request, offer, orders, outcomes=outcomes)

    def _page(self, request: HttpRequest, offer: Offer, orders: list[StaffOrder], **more: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{offer.title}: {len(orders)} orders" if len(orders) != 1 else f"{offer.title}: {orders[0]}",
            "opts": self.opts,
            "offer": offer,
            "orders": orders,
            **more,
        }
        return TemplateResponse(request, "ordersite/command.html", context)


def _answer(request: HttpRequest, offer: Offer, order_id: UUID, fields: dict[str, Any]) -> Answer | Refusal:
    """Send the command to one order. The same form with the same content, sent twice, is one command."""
    context = Context(
        actor=f"staff:{request.user.get_username()}",
        command_id=uuid5(UUID(request.POST["form_id"]), f"{order_id} {sorted(fields.items())}"),
        correlation_id=correlation_of(request),
    )
    try:
        return dispatch(offer.command(order_id=order_id, **fields), context)
    except (CommandRefused, IdempotencyConflict, ConcurrencyError) as refusal:
        return refusal


def _why(refusal: Any) -> str:
    return refusal.message if isinstance(refusal, CommandRefused) else str(refusal)


def _shown(versions: dict[UUID, int]) -> bool:
    """Whether the orders show these versions, after one bounded wait for all of them."""

    def all_there() -> bool | None:
        shown = dict(StaffOrder.objects.filter(pk__in=versions).values_list("pk", "version"))
        return all(shown.get(key, 0) >= version for key, version in versions.items()) or None

    try:
        return wait_for(all_there, projection="staff", rows=versions)
    except NotYetVisible:
        return False


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_staff", "customer_id", "is_demo")
    fieldsets = (*(BaseUserAdmin.fieldsets or ()), ("Customer", {"fields": ("customer_id",)}))


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):
    pass
