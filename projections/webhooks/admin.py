"""Admin pages of webhooks: endpoints and deliveries."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from eventstore.admin.confirmation import confirmed
from eventstore.admin.pages import ReadOnlyAdmin, pretty
from projections.webhooks import deliveries, endpoints, tasks
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint

COLOURS = {DeliveryStatus.PENDING: "info", DeliveryStatus.DELIVERED: "success", DeliveryStatus.FAILED: "danger"}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """The list of endpoints, without their secrets. Operators may enable one again."""

    list_display = (
        "url",
        "customer_id",
        "service_id",
        "created_at",
        "failures",
        "slow_answers",
        "resting_until",
        "disabled_at",
        "disabled_reason",
    )
    list_filter = (("disabled_at", admin.EmptyFieldListFilter),)
    search_fields = ("customer_id__exact", "service_id__exact")
    search_help_text = "The full id of a customer or a service account."
    exclude = ("secret",)
    ordering = ("-id",)  # ids are created in time order
    actions = ("enable", "end_previous_secrets")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        queryset: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        return queryset.defer("secret")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may operate the read models, which includes webhooks."""
        return bool(request.user.has_perm("projections.operate"))

    @action(description="Enable again, for new events", permissions=["operate"])
    @confirmed("New events are sent to these addresses again. What happened while they were disabled is not sent.")
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Enable the chosen endpoints that are disabled."""
        number = endpoints.enable(queryset)
        messages.info(request, f"{number} endpoint{'' if number == 1 else 's'} enabled.")

    @action(description="End replaced secrets now", permissions=["operate"])
    @confirmed("From the next message on, only the current secret of these endpoints signs.")
    def end_previous_secrets(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """End the secrets of the chosen endpoints that were replaced and sign still."""
        number = endpoints.end_previous_secrets(queryset)
        messages.info(request, f"{number} secret{'' if number == 1 else 's'} ended.")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """The list of deliveries. Operators may retry a failed one."""

    list_display = ("created_at", "event_type", "aggregate_id", "endpoint", "status_shown", "tries", "last", "due_at")
    list_filter = (("status", ChoicesDropdownFilter),)
    list_select_related = ("endpoint",)
    search_fields = ("aggregate_id__exact", "event_id__exact", "endpoint__id__exact")
    search_help_text = "The full id of an aggregate, an event or an endpoint."
    fields = (
        *("endpoint", "event_type", "event_id", "aggregate_id", "position", "status", "tries"),
        *("created_at", "due_at", "finished_at", "attempts_shown"),
    )
    ordering = ("-id",)
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        queryset: QuerySet[WebhookDelivery] = super().get_queryset(request)
        return queryset.defer("endpoint__secret")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may operate the read models, which includes webhooks."""
        return bool(request.user.has_perm("projections.operate"))

    @display(description="Status", label=COLOURS)
    def status_shown(self, delivery: WebhookDelivery) -> tuple[str, str]:
        """Return the status as a label."""
        return delivery.status, delivery.get_status_display()

    @display(description="Last answer")
    def last(self, delivery: WebhookDelivery) -> str:
        """Return the HTTP status of the last attempt, or its problem."""
        attempt = delivery.attempts[-1] if delivery.attempts else {}
        return str(attempt.get("status") or attempt.get("problem") or "—")

    @display(description="Attempts")
    def attempts_shown(self, delivery: WebhookDelivery) -> str:
        """Return all attempts as indented JSON."""
        return pretty(delivery.attempts)

    @action(description="Retry failed deliveries", permissions=["operate"])
    @confirmed("The failed deliveries among these are sent to the customers' servers again.")
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Retry the chosen deliveries that failed."""
        number = sum(deliveries.retry(delivery) for delivery in queryset)
        tasks.wake_now()
        messages.info(request, f"{number} deliver{'y' if number == 1 else 'ies'} will be retried.")
