"""Admin pages of the events that a read model lacks: parked ones, and those left out."""

from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from eventstore.admin.pages import ReadOnlyAdmin
from eventstore.admin.parked import ParkedAdmin
from projections.admin.operators import OperatorAdmin, retry_parked
from projections.engine.checkpoints import LIVE, ParkedEvent, SkippedEvent
from projections.engine.parking import skip
from projections.engine.projection import projection_named


@admin.register(ParkedEvent)
class ParkedEventAdmin(OperatorAdmin, ParkedAdmin):
    """The parked events, with actions to retry them or leave them out."""

    parked_by = "projection"
    consequence = "The read model will never show an event that is left out, and every rebuild leaves it out too."
    list_display = ("projection", "position", "event_type", "aggregate", "parked_at", "why")
    fields = ("projection", "position", "event_type", "aggregate_id", "parked_at", "traceback")
    ordering = ("projection", "position")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ParkedEvent]:
        parked: QuerySet[ParkedEvent] = super().get_queryset(request)
        return parked.filter(space=LIVE)

    def retry_aggregate(self, request: HttpRequest, name: str, aggregate_id: UUID) -> None:
        """Retry the events that a projection has parked of one aggregate, and tell the user the outcome."""
        retry_parked(self, request, name, aggregate_id=aggregate_id)

    def leave_out_event(self, name: str, position: int, *, reason: str, by: str) -> int:
        """Leave out an event that a projection has parked; return how many events are no longer parked."""
        return skip(projection_named(name), position, reason=reason, by=by)


@admin.register(SkippedEvent)
class SkippedEventAdmin(ReadOnlyAdmin):
    """The events that were left out, with the reason."""

    list_display = ("projection", "position", "event_type", "aggregate_id", "reason", "skipped_by", "skipped_at")
