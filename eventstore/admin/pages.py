"""Read-only admin pages of the log: events, seals, planned and queued commands, checkpoints."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display

from eventstore import codec
from eventstore.admin.confirmation import confirmed
from eventstore.admin.large_lists import CheckedLists, FastPaginator, LargeList
from eventstore.errors import UNREADABLE
from eventstore.followers.causality import TraceEntry, trace_of
from eventstore.followers.process_managers import PROCESSES
from eventstore.messages import EVENTS
from eventstore.models import ConsumerCheckpoint, Event, PlannedCommand, QueuedCommand, Seal
from eventstore.personal_data import in_the_clear
from eventstore.queue.worker import redrive
from eventstore.records import type_name
from eventstore.seals.chain import public_form


class ReadOnlyAdmin(CheckedLists, ModelAdmin):
    """A read-only table. Even a superuser cannot add, edit or delete its rows in the admin."""

    paginator = FastPaginator
    indexed: tuple[str, ...] = ()
    """The columns that a large list may be sorted by."""
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    actions: Any = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LargeList]:
        return LargeList

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class DeclaredFilter(DropdownFilter):
    """A filter by the values that the code declares. Reading the values from the table would read all its rows."""

    declared: Mapping[str, object]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(self.declared)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class EventTypeFilter(DeclaredFilter):
    """Filters events by type."""

    title = "event type"
    parameter_name = "event_type"
    declared = EVENTS


class ProcessFilter(DeclaredFilter):
    """Filters planned commands by process."""

    title = "process"
    parameter_name = "process"
    declared = PROCESSES


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The events of the log, each with the other events of its correlation."""

    list_display = ("position", "timestamp", "event_type", "aggregate", "version", "actor")
    list_display_links = ("position", "event_type")
    list_filter = (EventTypeFilter,)
    indexed = ("position",)
    search_fields = ("aggregate_id",)
    search_help_text = "The full id of an event or an aggregate."
    fieldsets = (
        ("What", {"fields": ("event_type", "schema_version", "data")}),
        ("Where", {"fields": ("position", "aggregate", "aggregate_type", "version", "event_id")}),
        ("Who and when", {"fields": ("actor", "timestamp", "metadata_shown")}),
        ("Events of the same request, and their effects", {"fields": ("trace",)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Return the event with this id, or else the events of the aggregate with this id."""
        if not search_term.strip():
            return queryset, False
        try:
            searched_id = UUID(search_term.strip())
        except ValueError:
            return queryset.none(), False
        by_event = queryset.filter(event_id=searched_id)
        return (by_event if by_event.exists() else queryset.filter(aggregate_id=searched_id)), False

    @display(description="Aggregate")
    def aggregate(self, event: Event) -> str:
        """Return a link to the aggregate's events, with the end of its id as text."""
        url = f"{reverse('admin:eventstore_event_changelist')}?q={event.aggregate_id}"
        return format_html(
            '<a class="linked" href="{}" title="{}">…{}</a>', url, event.aggregate_id, str(event.aggregate_id)[-8:]
        )

    @display(description="Who")
    def actor(self, event: Event) -> str:
        """Return the actor in words."""
        actor = event.metadata.get("actor") if isinstance(event.metadata, dict) else None
        return actor_in_words(actor) if isinstance(actor, str) else "unknown"

    @display(description="Data")
    def data(self, event: Event) -> str:
        """Return the event's data as indented JSON. Of an erased person, it has no text that an old schema shows."""
        try:
            return pretty(in_the_clear.shown(event))
        except UNREADABLE as error:
            return pretty(f"This cannot be shown: {error}")

    @display(description="Metadata")
    def metadata_shown(self, event: Event) -> str:
        """Return the event's metadata as indented JSON."""
        return pretty(event.metadata)

    @display(description="")
    def trace(self, event: Event) -> str:
        """Return the trace as HTML. It is rendered once for an object, as the form asks for it several times."""
        if "rendered_trace" not in event.__dict__:
            event.__dict__["rendered_trace"] = self._render_trace(event)
        return str(event.__dict__["rendered_trace"])

    def _render_trace(self, event: Event) -> str:
        """Render the events of the correlation, each indented under its cause, with the effects of `event` marked."""
        try:
            correlation_id = codec.decode_metadata(json.dumps(event.metadata)).correlation_id
            trace = trace_of(correlation_id, event_id=event.event_id)
        except UNREADABLE as error:
            return f"The events of this request cannot be read: {error}"
        context = {
            "entries": [_entry_context(entry, event) for entry in trace.entries],
            "omitted": trace.omitted,
            "planned": PlannedCommand.objects.filter(correlation_id=correlation_id, refused_at=None).order_by("due_at"),
        }
        return render_to_string("eventstore/trace.html", context)


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    """The seals, without their leaves."""

    list_display = ("number", "after", "through", "events", "sealed_at")
    indexed = ("number",)
    ordering = ("-number",)
    fieldsets = (
        ("What it covers", {"fields": ("number", "after", "through", "events", "sealed_at")}),
        ("What is signed", {"fields": ("statement_shown", "signature_shown")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Seal]:
        seals: QuerySet[Seal] = super().get_queryset(request)
        return seals.defer("leaves")

    @display(description="Statement")
    def statement_shown(self, seal: Seal) -> str:
        """Return the signed statement as indented JSON."""
        return pretty(json.loads(public_form(seal)["statement"]))

    @display(description="Signature (Ed25519)")
    def signature_shown(self, seal: Seal) -> str:
        """Return the signature in hex."""
        return public_form(seal)["signature"]


@admin.register(PlannedCommand)
class PlannedCommandAdmin(ReadOnlyAdmin):
    """Commands that process managers will send, or that a rule refused."""

    list_display = ("due_at", "command_type", "process", "key", "problem", "refused_at")
    list_filter = (("refused_at", admin.EmptyFieldListFilter), ProcessFilter)
    search_fields = ("key__exact",)
    ordering = ("due_at",)


@admin.register(QueuedCommand)
class QueuedCommandAdmin(ReadOnlyAdmin):
    """Queued commands, without their encrypted bodies. Failed ones can be tried again."""

    list_display = ("accepted_at", "command_type", "aggregate_id", "status", "attempts", "problem", "finished_at")
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("command_id__exact", "aggregate_id__exact")
    exclude = ("body", "fingerprint")
    ordering = ("-id",)
    actions = ("redrive",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueuedCommand]:
        queued: QuerySet[QueuedCommand] = super().get_queryset(request)
        return queued.defer("body")

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may have failed commands tried again."""
        return bool(request.user.has_perm("eventstore.redrive_queuedcommand"))

    @action(description="Try failed commands again", permissions=["redrive"])
    @confirmed(
        "The failed commands among these are queued and done, late. Commands that did not fail stay as they are."
    )
    def redrive(self, request: HttpRequest, queryset: QuerySet[QueuedCommand]) -> None:
        """Queue the selected failed commands again."""
        failed = list(queryset.filter(status=QueuedCommand.Status.FAILED))
        for queued in failed:
            redrive(queued)
        messages.info(request, f"{len(failed)} failed commands will be tried again.")


@admin.register(ConsumerCheckpoint)
class ConsumerCheckpointAdmin(ReadOnlyAdmin):
    """How far each consumer has read, and why one is stuck."""

    list_display = ("name", "position", "problem")
    ordering = ("name",)


def _entry_context(entry: TraceEntry, event: Event) -> dict[str, Any]:
    fact = entry.fact
    return {
        "position": fact.position,
        "event_type": type_name(fact.event),
        "aggregate_type": fact.aggregate_type,
        "aggregate_id": str(fact.aggregate_id),
        "version": fact.version,
        "timestamp": fact.timestamp,
        "actor": actor_in_words(fact.metadata.actor),
        "depth": entry.depth,
        "is_effect": entry.is_effect,
        "is_current": fact.event_id == event.event_id,
    }


def actor_in_words(actor: str) -> str:
    """Return an actor in words: `staff:anna` is "anna (staff)", each customer is "the customer"."""
    kind, _, name = actor.partition(":")
    return "the customer" if kind == "customer" else f"{name} ({kind})"


def pretty(data: Any) -> str:
    """Return data as indented JSON in a `pre` element."""
    try:
        text = json.dumps(data, indent=2, ensure_ascii=False)
    except RecursionError:
        text = "This is nested too deep to be shown."
    return format_html("<pre class='raw'>{}</pre>", text)
