"""Admin page of rebuilds, comparisons and read models as they stood."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from eventstore.admin.confirmation import confirmed, recorded
from eventstore.limits.numbers import parse_whole
from projections.admin.lookback import choose_build, retained_builds
from projections.admin.operators import STATE_COLOURS, OperatorAdmin
from projections.engine.projection import PROJECTIONS, projection_named
from projections.rebuild import schemas
from projections.rebuild.background import wake_rebuild
from projections.rebuild.models import Build


@admin.register(Build)
class BuildAdmin(OperatorAdmin):
    """The rebuilds: their progress, their result, and actions to pause, resume, cancel and drop them."""

    list_display = ("__str__", "kind", "state_shown", "bar", "speed", "left", "found", "started_by", "started_at")
    list_display_links = ("__str__",)
    list_filter = (("kind", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter))
    list_before_template = "projections/reload.html"
    actions = ("pause", "resume", "cancel", "drop")
    fields = (
        *("projection", "space", "kind", "state", "as_of", "recorded_by", "events"),
        *("started_by", "started_at", "finished_at", "differences", "problem"),
    )

    def get_actions(self, request: HttpRequest) -> Any:
        """Return the actions that some build in the list allows now: a finished one cannot be paused or cancelled."""
        possible = vars(request).get("possible_actions")  # Django asks several times for one page
        if possible is None:
            possible = vars(request)["possible_actions"] = self._possible_actions(request)
        return {name: found for name, found in super().get_actions(request).items() if possible[name]}

    def _possible_actions(self, request: HttpRequest) -> dict[str, bool]:
        states = set(self.get_queryset(request).order_by().values_list("state", flat=True).distinct())
        as_it_stood = Build.objects.filter(kind=Build.Kind.AS_OF).exclude(state__in=Build.OPEN).order_by()
        return {
            "pause": Build.State.BUILDING in states,
            "resume": Build.State.PAUSED in states,
            "cancel": bool({Build.State.BUILDING, Build.State.PAUSED} & states),
            "drop": bool(schemas.existing(as_it_stood.values_list("space", flat=True).distinct())),
        }

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
        try:
            build = get_object_or_404(Build, pk=parse_whole(chosen), projection__in=PROJECTIONS)
        except ValueError as error:
            raise Http404("the request names no build") from error
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
        return build.state, build.state_in_words

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
        verb = "differ" if build.kind == Build.Kind.COMPARISON else "differed"  # a swap ended the difference
        return f"1 row {verb}{'s' if verb == 'differ' else ''}" if rows == 1 else f"{rows:,} rows {verb}"

    @display(description="Differences")
    def differences(self, build: Build) -> str:
        """Return the differences of each table, with samples, as HTML."""
        lines = []
        for table in build.report:
            counts = ", ".join(f"{table[name]:,} {name}" for name in ("rows", "added", "removed", "changed"))
            lines += [f"{table['table']}: {counts}", *(f"  {sample}" for sample in table["samples"])]
        return format_html("<pre class='raw'>{}</pre>", "\n".join(lines))

    @action(description="Pause", permissions=["operate"])
    @recorded
    def pause(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        """Pause the chosen builds; their processes stop after the current batch."""
        queryset.filter(state=Build.State.BUILDING).update(state=Build.State.PAUSED)

    @action(description="Resume", permissions=["operate"])
    @recorded
    def resume(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        """Resume the chosen builds, and wake workers for them."""
        paused = queryset.filter(state=Build.State.PAUSED)
        names = list(paused.values_list("projection", flat=True))
        paused.update(state=Build.State.BUILDING)
        for name in names:
            wake_rebuild(name)

    @action(description="Cancel", permissions=["operate"])
    @confirmed("The work so far is thrown away. The live tables stay as they are. Builds that are over stay too.")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        """Cancel the chosen builds. A running process drops its tables itself; a paused build has no process."""
        for build in queryset.filter(state=Build.State.PAUSED, background=True, projection__in=PROJECTIONS):
            schemas.drop(projection_named(build.projection), build.space)
        open_ones = queryset.filter(state__in=(Build.State.BUILDING, Build.State.PAUSED))
        open_ones.update(state=Build.State.CANCELLED, finished_at=timezone.now())

    @action(description="Drop the read model as it stood", permissions=["operate"])
    @confirmed(
        "The tables are deleted. Nobody can look at the read model as it stood any more, until it is built again."
    )
    def drop(self, request: HttpRequest, queryset: QuerySet[Build]) -> None:
        """Drop the tables of the chosen builds that were made as of a moment."""
        for build in queryset.filter(kind=Build.Kind.AS_OF, projection__in=PROJECTIONS).exclude(state__in=Build.OPEN):
            schemas.drop(projection_named(build.projection), build.space)
            self.message_user(request, f"{build} is dropped.", messages.SUCCESS)


def _next(request: HttpRequest) -> str:
    """Return the page to go back to, if it is a page of this site; otherwise the index of the admin."""
    page = request.POST.get("next", "")
    return page if url_has_allowed_host_and_scheme(page, allowed_hosts=None) else reverse("admin:index")


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    return request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")
