"""Admin pages for operators: the state of read models, rebuilds, parked events, and events left out."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import Truncator
from unfold.decorators import action, display

from eventstore.admin.pages import ReadOnlyAdmin
from eventstore.timetravel.as_of import AsOf, parse_moment
from projections.admin.lookback import choose_build, retained_builds
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag, ParkedEvent, SkippedEvent
from projections.engine.parking import NotParked, ReasonMissing, redrive, skip
from projections.engine.projection import PROJECTIONS, projection_named
from projections.monitoring.status import Status, statuses_of
from projections.rebuild import schemas
from projections.rebuild.background import begin_as_of, begin_rebuild, begin_rollback, wake_rebuild
from projections.rebuild.models import Build
from projections.rebuild.run import CannotRollBack, RebuildRunning, SpaceTaken
from projections.rebuild.swap import drop_replaced

STATE_COLOURS = {
    **dict.fromkeys(("level", "done"), "success"),
    **dict.fromkeys(("behind", "building", "finishing"), "info"),
    **dict.fromkeys(("rebuild wanted", "parked", "paused"), "warning"),
    **dict.fromkeys(("failing", "failed"), "danger"),
}
ERROR_CHARS = 160  # of an error shown in a list; its page shows all of it
DRIFT_SHOWN = 20  # drift flags above the list


class OperatorAdmin(ReadOnlyAdmin):
    """An admin whose actions operate read models. They need a permission of their own."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may run actions with `permissions=["operate"]`."""
        return request.user.has_perm("projections.operate")


def _status_column(attribute: str, title: str, form: str = "{}") -> Any:
    """Return a list column that shows an attribute of the shard's status."""

    @display(description=title)
    def column(self: Any, checkpoint: Checkpoint) -> str:
        return form.format(getattr(_status(checkpoint), attribute))

    return column


def _status(checkpoint: Checkpoint) -> Status:
    """Return the status that the list has read for all its rows at once."""
    status: Status = checkpoint.__dict__["status"]
    return status


@admin.register(Checkpoint)
class CheckpointAdmin(OperatorAdmin):
    """The state of each shard, and the actions on whole projections."""

    list_display = ("__str__", "state", "position", "behind", "late", "rate_shown", "parked", "failures", "problem")
    list_display_links = None
    list_before_template = "projections/drift.html"
    ordering = ("projection", "shard")
    actions = ("retry_parked", "rebuild", "compare", "roll_back", "drop_replaced", "as_it_stood")
    behind = _status_column("behind_in_words", "Behind by")
    late = _status_column("late", "Late", "{:,.1f} s")
    rate_shown = _status_column("rate", "Rate", "{:,.0f}/s")
    parked = _status_column("parked", "Parked", "{:,}")
    problem = _status_column("problem", "Problem")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {"drift": DriftFlag.objects.all()[:DRIFT_SHOWN], **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        for row, status in zip(rows, statuses_of(rows), strict=True):
            row.__dict__["status"] = status
        changelist.result_list = rows
        return changelist

    def get_queryset(self, request: HttpRequest) -> QuerySet[Checkpoint]:
        checkpoints: QuerySet[Checkpoint] = super().get_queryset(request)
        return checkpoints.filter(space=LIVE, projection__in=PROJECTIONS)

    @display(description="State", label=STATE_COLOURS)
    def state(self, checkpoint: Checkpoint) -> tuple[str, str]:
        """Return the state, which chooses the colour, and its text."""
        return _status(checkpoint).state, _status(checkpoint).state_in_words

    @action(description="Retry the parked events", permissions=["operate"])
    def retry_parked(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> None:
        """Retry the parked events of the chosen projections."""
        for name in _names(queryset):
            _retry(self, request, name)

    @action(description="Rebuild beside the live tables, then swap", permissions=["operate"])
    def rebuild(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> HttpResponse:
        """Begin a background rebuild of each chosen projection."""
        return self._begin(request, queryset, begin_rebuild)

    @action(description="Compare with a new rebuild; change nothing", permissions=["operate"])
    def compare(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> HttpResponse:
        """Begin a dry run of each chosen projection."""
        return self._begin(request, queryset, begin_rebuild, dry_run=True)

    @action(description="Roll back to the replaced tables", permissions=["operate"])
    def roll_back(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> HttpResponse:
        """Begin a rollback of each chosen projection."""
        return self._begin(request, queryset, begin_rollback)

    @action(description="Drop the replaced tables", permissions=["operate"])
    def drop_replaced(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> None:
        """Drop the tables that the last swap of each chosen projection replaced."""
        for name in _names(queryset):
            drop_replaced(projection_named(name))
            self.message_user(request, f"{name}: the replaced tables are dropped.", messages.SUCCESS)

    @action(description="Build it as it stood at a moment…", permissions=["operate"])
    def as_it_stood(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> HttpResponse:
        """Ask for a moment, then begin to build each chosen projection as it stood then."""
        moments = {name: request.POST[name] for name in ("as_of", "recorded_by") if request.POST.get(name)}
        try:
            occurred, recorded = (
                parse_moment(moments[name]) if name in moments else None for name in ("as_of", "recorded_by")
            )
        except ValueError as error:
            self.message_user(request, str(error), messages.ERROR)
            moments = {}
        if not moments:
            chosen = request.POST.getlist("_selected_action")
            context = {**self.admin_site.each_context(request), "title": "As it stood", "names": _names(queryset)}
            return TemplateResponse(request, "projections/as_it_stood.html", {**context, "chosen": chosen})
        return self._begin(request, queryset, begin_as_of, as_of=AsOf(occurred=occurred, recorded=recorded))

    def _begin(
        self, request: HttpRequest, queryset: QuerySet[Checkpoint], begin: Callable[..., Build], **more: Any
    ) -> HttpResponse:
        """Record a build of each chosen projection, wake workers, and go to the list of rebuilds."""
        for name in _names(queryset):
            try:
                begin(projection_named(name), started_by=_actor(request), **more)
            except (RebuildRunning, CannotRollBack, SpaceTaken) as error:
                self.message_user(request, str(error), messages.WARNING)
            wake_rebuild(name)
        return HttpResponseRedirect("../build/")


@admin.register(Build)
class BuildAdmin(OperatorAdmin):
    """The rebuilds: their progress, their result, and actions to pause, resume, cancel and drop them."""

    list_display = ("__str__", "kind", "state_shown", "bar", "speed", "left", "found", "started_by", "started_at")
    list_display_links = ("__str__",)
    list_before_template = "projections/reload.html"
    actions = ("pause", "resume", "cancel", "drop")
    fields = (
        *("projection", "space", "kind", "state", "as_of", "recorded_by", "events"),
        *("started_by", "started_at", "finished_at", "differences", "problem"),
    )

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        """Add the URL of `look_view`."""
        return (("look/", "look-back", self.look_view),)

    def look_view(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Switch to the read model of the build in the POST field `build`; without the field, back to now."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if "build" not in request.POST:
            choose_build(request, None)
            return HttpResponseRedirect(_next(request))
        chosen = request.POST["build"]
        build = get_object_or_404(Build, pk=int(chosen) if chosen.isdecimal() else None, projection__in=PROJECTIONS)
        projection = projection_named(build.projection)
        if not any(_may_view(request, model) for model in projection.tables):
            raise PermissionDenied
        if build not in retained_builds(projection):
            self.message_user(request, f"{build} does not exist any more.", messages.ERROR)
        else:
            choose_build(request, build)
        return HttpResponseRedirect(_next(request))

    @display(description="State", label=STATE_COLOURS)
    def state_shown(self, build: Build) -> tuple[str, str]:
        """Return the state, which chooses the colour, and its text."""
        return build.state, build.get_state_display()

    @display(description="Progress")
    def bar(self, build: Build) -> str:
        """Return a progress bar as HTML."""
        return format_html("<progress max='100' value='{0}'></progress> {0} %", f"{build.percent:.0f}")

    @display(description="Rate")
    def speed(self, build: Build) -> str:
        """Return the rate in events a second."""
        return f"{build.rate:,.0f} events/s" if build.rate else "—"

    @display(description="Left")
    def left(self, build: Build) -> str:
        """Return the time left in seconds."""
        return f"{build.eta.total_seconds():,.0f} s" if build.eta else "—"

    @display(description="Result")
    def found(self, build: Build) -> str:
        """Return what went wrong, or how many rows differed from the live ones."""
        if build.problem or build.state != Build.State.DONE or build.kind == Build.Kind.AS_OF:
            return build.problem or "—"
        rows = sum(table["added"] + table["removed"] + table["changed"] for table in build.report)
        if not rows:
            return "identical"
        return "1 row differed" if rows == 1 else f"{rows:,} rows differed"

    @display(description="Differences")
    def differences(self, build: Build) -> str:
        """Return the differences of each table, with samples, as HTML."""
        lines = []
        for table in build.report:
            counts = ", ".join(f"{table[name]:,} {name}" for name in ("rows", "added", "removed", "changed"))
            lines += [f"{table['table']}: {counts}", *(f"  {sample}" for sample in table["samples"])]
        return format_html("<pre class='raw'>{}</pre>", "\n".join(lines))

    @action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        """Pause the chosen builds; their processes stop after the current batch."""
        queryset.filter(state=Build.State.BUILDING).update(state=Build.State.PAUSED)

    @action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        """Resume the chosen builds, and wake workers for them."""
        paused = queryset.filter(state=Build.State.PAUSED)
        names = list(paused.values_list("projection", flat=True))
        paused.update(state=Build.State.BUILDING)
        for name in names:
            wake_rebuild(name)

    @action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        """Cancel the chosen builds. A running process drops its tables itself; a paused build has no process."""
        for build in queryset.filter(state=Build.State.PAUSED, background=True, projection__in=PROJECTIONS):
            schemas.drop(projection_named(build.projection), build.space)
        open_ones = queryset.filter(state__in=(Build.State.BUILDING, Build.State.PAUSED))
        open_ones.update(state=Build.State.CANCELLED, finished_at=timezone.now())

    @action(description="Drop the read model as it stood", permissions=["operate"])
    def drop(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        """Drop the tables of the chosen builds that were made as of a moment."""
        for build in queryset.filter(kind=Build.Kind.AS_OF, projection__in=PROJECTIONS).exclude(state__in=Build.OPEN):
            schemas.drop(projection_named(build.projection), build.space)
            self.message_user(request, f"{build} is dropped.", messages.SUCCESS)


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
    def retry(self, request: HttpRequest, queryset: QuerySet[ParkedEvent]) -> None:
        """Retry all parked events of the chosen aggregates."""
        for name, aggregate_id in sorted(set(queryset.values_list("projection", "aggregate_id"))):
            _retry(self, request, name, aggregate_id=aggregate_id)

    @action(description="Leave out, with a reason", permissions=["operate"])
    def leave_out(self, request: HttpRequest, queryset: QuerySet[ParkedEvent]) -> HttpResponse | None:
        """Ask for a reason, then leave out the chosen events."""
        reason = request.POST.get("reason", "")
        if "reason" not in request.POST:
            context = {**self.admin_site.each_context(request), "title": "Leave out", "parked": queryset}
            return TemplateResponse(request, "projections/leave_out.html", context)
        for parked in queryset:
            try:
                released = skip(projection_named(parked.projection), parked.position, reason=reason, by=_actor(request))
                self.message_user(request, f"{parked} is left out; {released} no longer parked.", messages.SUCCESS)
            except (NotParked, ReasonMissing) as error:
                self.message_user(request, f"{parked}: {error}", messages.ERROR)
        return None


@admin.register(SkippedEvent)
class SkippedEventAdmin(ReadOnlyAdmin):
    """The events that were left out, with the reason."""

    list_display = ("projection", "position", "event_type", "aggregate_id", "reason", "skipped_by", "skipped_at")


def _names(queryset: QuerySet[Checkpoint]) -> list[str]:
    return sorted(set(queryset.values_list("projection", flat=True)))


def _next(request: HttpRequest) -> str:
    """Return the page to go back to, if it is a page of this site; otherwise the index of the admin."""
    page = request.POST.get("next", "")
    return page if url_has_allowed_host_and_scheme(page, allowed_hosts=None) else reverse("admin:index")


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    return request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")


def _actor(request: HttpRequest) -> str:
    return f"staff:{request.user.get_username()}"


def _retry(page: Any, request: HttpRequest, name: str, **which: Any) -> None:
    released = redrive(projection_named(name), **which)
    left = ParkedEvent.objects.filter(projection=name, space=LIVE, **which).count()
    level = messages.WARNING if left else messages.SUCCESS
    page.message_user(request, f"{name}: {released} no longer parked, {left} still parked.", level)
