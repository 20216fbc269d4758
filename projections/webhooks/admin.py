"""Webhooks, for staff: where customers are told, and what did not arrive."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from eventstore.admin.pages import ReadOnlyAdmin, pretty
from projections.webhooks import deliveries, tasks
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint

COLOURS = {DeliveryStatus.PENDING: "info", DeliveryStatus.DELIVERED: "success", DeliveryStatus.FAILED: "danger"}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_display = ("url", "customer_id", "created_at", "failures", "resting_until", "disabled_at", "disabled_reason")
    list_filter = (("disabled_at", admin.EmptyFieldListFilter),)
    search_fields = ("customer_id__exact",)
    search_help_text = "The whole id of a customer."
    exclude = ("secret",)
    ordering = ("-id",)  # an id is as old as its row
    actions = ("enable",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        endpoints: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        return endpoints.defer("secret")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("projections.operate"))

    @action(description="Send there again what happens from now on", permissions=["operate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        number = deliveries.enable(queryset)
        messages.info(request, f"{number} is sent to again." if number == 1 else f"{number} are sent to again.")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "event_type", "aggregate_id", "endpoint", "status_shown", "tries", "last", "due_at")
    list_filter = (("status", ChoicesDropdownFilter),)
    list_select_related = ("endpoint",)
    search_fields = ("aggregate_id__exact", "event_id__exact", "endpoint__id__exact")
    search_help_text = "The whole id of an aggregate, an event or an endpoint."
    fields = (
        *("endpoint", "event_type", "event_id", "aggregate_id", "position", "status", "tries"),
        *("created_at", "due_at", "finished_at", "attempts_shown"),
    )
    ordering = ("-id",)
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        found: QuerySet[WebhookDelivery] = super().get_queryset(request)
        return found.defer("endpoint__secret")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("projections.operate"))

    @display(description="Status", label=COLOURS)
    def status_shown(self, delivery: WebhookDelivery) -> tuple[str, str]:
        return delivery.status, delivery.get_status_display()

    @display(description="Last answer")
    def last(self, delivery: WebhookDelivery) -> str:
        attempt = delivery.attempts[-1] if delivery.attempts else {}
        return str(attempt.get("status") or attempt.get("problem") or "—")

    @display(description="Attempts")
    def attempts_shown(self, delivery: WebhookDelivery) -> str:
        return pretty(delivery.attempts)

    @action(description="Send again what was given up", permissions=["operate"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        number = sum(deliveries.send_again(delivery) for delivery in queryset)
        tasks.wake_now()
        messages.info(request, f"{number} will be sent again.")
