"""Admin pages of the events that a read model lacks: parked ones, and those left out."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.decorators import action, display

from eventstore.admin.confirmation import confirmed, record
from eventstore.admin.pages import ReadOnlyAdmin
from projections.admin.operators import OperatorAdmin, actor_of, retry_parked
from projections.engine.checkpoints import LIVE, ParkedEvent, SkippedEvent
from projections.engine.parking import NotParked, ReasonMissing, skip
from projections.engine.projection import projection_named

ERROR_CHARS = 160  # of an error shown in a list; its page shows all of it


@admin.register(ParkedEvent)
class ParkedEventAdmin(OperatorAdmin):
    """The parked events, with actions to retry them or leave them out."""

    list_display = ("projection", "position", "event_type", "aggregate", "parked_at", "why")
    fields = ("projection", "position", "event_type", "aggregate_id", "parked_at", "traceback")
    ordering = ("projection", "position")
    search_fields = ("=aggregate_id",)
    actions = ("retry", "leave_out")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ParkedEvent]:
        parked: QuerySet[ParkedEvent] = super().get_queryset(request)
        return parked.filter(space=LIVE)

    @display(description="Aggregate", ordering="aggregate_id")
    def aggregate(self, parked: ParkedEvent) -> str:
        """Return the end of the aggregate's id."""
        return f"…{str(parked.aggregate_id)[-8:]}"

    @display(description="Why")
    def why(self, parked: ParkedEvent) -> str:
        """Return the beginning of the error."""
        return Truncator(parked.summary).chars(ERROR_CHARS)

    @display(description="Error")
    def traceback(self, parked: ParkedEvent) -> str:
        """Return the whole error as HTML."""
        return format_html(
            "<pre class='raw'>{}</pre>", parked.error or "Waits behind an earlier event of this aggregate."
        )

    @action(description="Retry, with the events that wait behind", permissions=["operate"])
    @confirmed("All parked events of these aggregates are tried again. One that fails again stays parked.")
    def retry(self, request: HttpRequest, queryset: QuerySet[ParkedEvent]) -> None:
        """Retry all parked events of the chosen aggregates."""
        for name, aggregate_id in sorted(set(queryset.values_list("projection", "aggregate_id"))):
            retry_parked(self, request, name, aggregate_id=aggregate_id)

    @action(description="Leave out, with a reason", permissions=["operate"])
    def leave_out(self, request: HttpRequest, queryset: QuerySet[ParkedEvent]) -> HttpResponse | None:
        """Ask for a reason, then leave out the chosen events."""
        reason = request.POST.get("reason", "")
        if "reason" not in request.POST:
            context = {**self.admin_site.each_context(request), "title": "Leave out", "parked": queryset}
            return TemplateResponse(request, "projections/leave_out.html", context)
        record(request, queryset, f"Leave out: {reason}")
        for parked in queryset:
            try:
                released = skip(
                    projection_named(parked.projection), parked.position, reason=reason, by=actor_of(request)
                )
                self.message_user(request, f"{parked} is left out; {released} no longer parked.", messages.SUCCESS)
            except (NotParked, ReasonMissing) as error:
                self.message_user(request, f"{parked}: {error}", messages.ERROR)
        return None


@admin.register(SkippedEvent)
class SkippedEventAdmin(ReadOnlyAdmin):
    """The events that were left out, with the reason."""

    list_display = ("projection", "position", "event_type", "aggregate_id", "reason", "skipped_by", "skipped_at")
