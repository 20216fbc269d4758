"""Admin pages of parked events: the page that they share, and the events that consumers have parked."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from eventstore.admin.confirmation import confirmed, record
from eventstore.admin.kept_actions import KeptActions, hidden_fields, typed_in
from eventstore.admin.pages import ReadOnlyAdmin
from eventstore.errors import UNREADABLE, NotParked, ReasonMissing
from eventstore.followers import parking
from eventstore.followers.consumers import OutdatedConsumer
from eventstore.followers.handling import UnknownConsumer
from eventstore.models import ConsumerParkedEvent

ERROR_CHARS = 160  # of an error shown in a list; its page shows all of it
EXPECTED_ERRORS = (NotParked, ReasonMissing, UnknownConsumer, OutdatedConsumer, OSError, *UNREADABLE)


def actor_of(request: HttpRequest) -> str:
    """Return who is recorded for what this user starts."""
    return f"staff:{request.user.get_username()}"


class ParkedAdmin(KeptActions, ReadOnlyAdmin):
    """The admin of one kind of parked events, with actions to retry them or leave them out.

    A subclass says who parks them (`parked_by`, a column), what leaving one out means (`consequence`), and how both
    actions are done.
    """

    parked_by: ClassVar[str]
    consequence: ClassVar[str]
    search_fields = ("=aggregate_id",)
    actions = ("retry", "leave_out")
    asking = ("leave_out",)

    def retry_aggregate(self, request: HttpRequest, name: str, aggregate_id: UUID) -> None:
        """Retry the events that `name` has parked of one aggregate, and tell the user the outcome."""
        raise NotImplementedError

    def leave_out_event(self, name: str, position: int, *, reason: str, by: str) -> int:
        """Leave out an event that `name` has parked; return how many events are no longer parked."""
        raise NotImplementedError

    @display(description="Aggregate", ordering="aggregate_id")
    def aggregate(self, parked: Any) -> str:
        """Return the end of the aggregate's id."""
        return f"…{str(parked.aggregate_id)[-8:]}"

    @display(description="Why")
    def why(self, parked: Any) -> str:
        """Return the beginning of the error."""
        return Truncator(parked.summary).chars(ERROR_CHARS)

    @display(description="Error")
    def traceback(self, parked: Any) -> str:
        """Return the whole error as HTML."""
        return format_html(
            "<pre class='raw'>{}</pre>", parked.error or "Waits behind an earlier event of this aggregate."
        )

    @action(description="Retry, with the events that wait behind", permissions=["operate"])
    @confirmed("All parked events of these aggregates are tried again. One that fails again stays parked.")
    def retry(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Retry all parked events of the chosen aggregates."""
        for name, aggregate_id in sorted(set(queryset.values_list(self.parked_by, "aggregate_id"))):
            try:
                self.retry_aggregate(request, name, aggregate_id)
            except EXPECTED_ERRORS as error:
                self.message_user(request, f"{name}: {error}", messages.ERROR)

    @action(description="Leave out, with a reason", permissions=["operate"])
    def leave_out(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, then leave out the chosen events."""
        reason = request.POST.get("reason", "")
        if "reason" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Leave out",
                **hidden_fields(request),
                "parked": queryset,
                "consequence": self.consequence,
                "reason": typed_in(request).get("reason", ""),
            }
            return TemplateResponse(request, "eventstore/leave_out.html", context)
        record(request, queryset, f"Leave out: {reason}")
        for parked in queryset:
            name = getattr(parked, self.parked_by)
            try:
                released = self.leave_out_event(name, parked.position, reason=reason, by=actor_of(request))
                self.message_user(request, f"{parked} is left out; {released} no longer parked.", messages.SUCCESS)
            except EXPECTED_ERRORS as error:
                self.message_user(request, f"{parked}: {error}", messages.ERROR)
        return None


@admin.register(ConsumerParkedEvent)
class ConsumerParkedEventAdmin(ParkedAdmin):
    """The events that consumers have parked, and those that were left out, with the reason."""

    parked_by = "consumer"
    consequence = "The consumer will never do what follows from an event that is left out."
    list_display = ("consumer", "position", "event_type", "aggregate", "status", "parked_at", "why", "reason")
    list_filter = (("status", ChoicesDropdownFilter),)
    fields = (
        *("consumer", "position", "event_type", "aggregate_id", "status", "parked_at"),
        *("reason", "left_out_by", "left_out_at", "traceback"),
    )
    ordering = ("consumer", "position")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may retry these events and leave them out."""
        return bool(request.user.has_perm("eventstore.redrive_consumerparkedevent"))

    def retry_aggregate(self, request: HttpRequest, name: str, aggregate_id: UUID) -> None:
        """Retry the events that a consumer has parked of one aggregate, and tell the user the outcome."""
        released = parking.redrive(name, aggregate_id=aggregate_id)
        left = parking.parked_events(name).filter(aggregate_id=aggregate_id).count()
        level = messages.WARNING if left else messages.SUCCESS
        self.message_user(request, f"{name}: {released} no longer parked, {left} still parked.", level)

    def leave_out_event(self, name: str, position: int, *, reason: str, by: str) -> int:
        """Leave out an event that a consumer has parked; return how many events are no longer parked."""
        return parking.leave_out(name, position, reason=reason, by=by)
