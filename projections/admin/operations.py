"""Admin page of the state of read models, with the actions on whole projections."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action, display

from eventstore.admin.confirmation import confirmed, record
from eventstore.admin.kept_actions import KeptActions, hidden_fields, typed_in
from eventstore.admin.parked import actor_of
from eventstore.models import LogFinding
from eventstore.timetravel.as_of import AsOf, parse_moment
from projections.admin.operators import STATE_COLOURS, OperatorAdmin, retry_parked
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag
from projections.engine.projection import PROJECTIONS, projection_named
from projections.monitoring.status import Status, statuses_of
from projections.rebuild.background import begin_as_of, begin_rebuild, begin_rollback, wake_rebuild
from projections.rebuild.models import Build
from projections.rebuild.run import CannotRollBack, RebuildRunning, SpaceTaken
from projections.rebuild.swap import drop_replaced

DRIFT_SHOWN = 20  # drift flags above the list


def names_of(queryset: QuerySet[Checkpoint]) -> list[str]:
    """Return the projections of the chosen shards."""
    return sorted(set(queryset.values_list("projection", flat=True)))


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
class CheckpointAdmin(KeptActions, OperatorAdmin):
    """The state of each shard, and the actions on whole projections."""

    list_display = ("__str__", "state", "position", "behind", "late", "rate_shown", "parked", "failures", "problem")
    list_display_links = None
    list_before_template = "projections/drift.html"
    ordering = ("projection", "shard")
    actions = ("retry_parked", "rebuild", "compare", "roll_back", "drop_replaced", "as_it_stood")
    asking = ("as_it_stood",)
    behind = _status_column("behind_in_words", "Behind by")
    late = _status_column("late", "Late", "{:,.1f} s")
    rate_shown = _status_column("rate", "Rate", "{:,.0f}/s")
    parked = _status_column("parked", "Parked", "{:,}")
    problem = _status_column("problem", "Problem")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        findings = LogFinding.objects.all()
        context = {"drift": DriftFlag.objects.all()[:DRIFT_SHOWN], "findings": findings, **(extra_context or {})}
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
    @confirmed(
        "Every parked event of these projections is tried again. One that fails again stays parked.", named=names_of
    )
    def retry_parked(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> None:
        """Retry the parked events of the chosen projections."""
        for name in names_of(queryset):
            retry_parked(self, request, name)

    @action(description="Rebuild beside the live tables, then swap", permissions=["operate"])
    @confirmed(
        "Workers build these read models again from the whole log, beside the live tables, and swap them in. Everybody"
        " reads the new tables from then on. The replaced tables are retained: you can roll back.",
        named=names_of,
    )
    def rebuild(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> HttpResponse:
        """Begin a background rebuild of each chosen projection."""
        return self._begin(request, queryset, begin_rebuild)

    @action(description="Compare with a new rebuild; change nothing", permissions=["operate"])
    @confirmed(
        "Workers build these read models again from the whole log, compare them with the live tables, and drop them."
        " Nobody's pages change. On a large log this keeps workers and the database busy for a while.",
        named=names_of,
    )
    def compare(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> HttpResponse:
        """Begin a dry run of each chosen projection."""
        return self._begin(request, queryset, begin_rebuild, dry_run=True)

    @action(description="Roll back to the replaced tables", permissions=["operate"])
    @confirmed(
        "The tables that the last rebuild replaced are caught up and swapped back in. Everybody reads them then."
        " The tables of today are retained in turn.",
        named=names_of,
    )
    def roll_back(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> HttpResponse:
        """Begin a rollback of each chosen projection."""
        return self._begin(request, queryset, begin_rollback)

    @action(description="Drop the replaced tables", permissions=["operate"])
    @confirmed(
        "The tables that the last rebuild replaced are deleted. After that the rebuild cannot be rolled back.",
        named=names_of,
    )
    def drop_replaced(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> None:
        """Drop the tables that the last swap of each chosen projection replaced."""
        for name in names_of(queryset):
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
            context = {
                **self.admin_site.each_context(request),
                **hidden_fields(request),
                "title": "As it stood",
                "names": names_of(queryset),
                "chosen": [checkpoint.pk for checkpoint in queryset],
                "typed": typed_in(request),
            }
            return TemplateResponse(request, "projections/as_it_stood.html", context)
        record(request, queryset, "Build it as it stood at a moment")
        return self._begin(request, queryset, begin_as_of, as_of=AsOf(occurred=occurred, recorded=recorded))

    def _begin(
        self, request: HttpRequest, queryset: QuerySet[Checkpoint], begin: Callable[..., Build], **more: Any
    ) -> HttpResponse:
        """Record a build of each chosen projection, wake workers, and go to the list of rebuilds."""
        for name in names_of(queryset):
            try:
                begin(projection_named(name), started_by=actor_of(request), **more)
            except (RebuildRunning, CannotRollBack, SpaceTaken) as error:
                self.message_user(request, str(error), messages.WARNING)
            wake_rebuild(name)
        return HttpResponseRedirect("../build/")
