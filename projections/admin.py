"""How the read models are doing, for staff; and where Django looks for this app's admin pages."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import action, display

from eventstore import store
from eventstore.admin import ReadOnlyAdmin
from projections.accounting import admin as accounting
from projections.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.parking import redrive
from projections.projection import PROJECTIONS, projection_named

__all__ = ["CheckpointAdmin", "ParkedEventAdmin", "accounting"]


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "position", "lag", "updated_at", "parked", "error")
    list_display_links = None
    actions = ("retry_parked",)

    @display(description="Behind by")
    def lag(self, checkpoint: Checkpoint) -> str:
        behind = store.latest_position() - checkpoint.position
        return f"{behind:,} positions" if behind > 0 else "level"

    @display(description="Parked events")
    def parked(self, checkpoint: Checkpoint) -> str:
        count = ParkedEvent.objects.filter(projection=checkpoint.projection, space=checkpoint.space).count()
        return f"{count:,}" if count else "—"

    @display(description="Last error")
    def error(self, checkpoint: Checkpoint) -> str:
        if checkpoint.last_error:
            return checkpoint.last_error
        parked = (
            ParkedEvent.objects.filter(projection=checkpoint.projection)
            .exclude(error="")
            .order_by("-parked_at")
            .first()
        )
        return parked.summary if parked else "—"

    @action(description="Try the parked events again")
    def retry_parked(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> None:
        for name in sorted(set(queryset.filter(projection__in=PROJECTIONS).values_list("projection", flat=True))):
            done = redrive(projection_named(name))
            left = ParkedEvent.objects.filter(projection=name, space=LIVE).count()
            level = messages.WARNING if left else messages.SUCCESS
            self.message_user(request, f"{name}: {done} events taken, {left} still parked.", level)


@admin.register(ParkedEvent)
class ParkedEventAdmin(ReadOnlyAdmin):
    list_display = ("projection", "position", "event_type", "aggregate_id", "parked_at", "why")
    fields = ("projection", "position", "event_type", "aggregate_id", "parked_at", "traceback")
    ordering = ("projection", "position")

    @display(description="Why")
    def why(self, parked: ParkedEvent) -> str:
        return parked.summary

    @display(description="Error")
    def traceback(self, parked: ParkedEvent) -> str:
        return format_html(
            "<pre class='raw'>{}</pre>", parked.error or "Waits behind an earlier event of this aggregate."
        )
