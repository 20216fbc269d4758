"""Look at whole read models as they stood: staff choose a retained one, and see it until they go back to now.

Its tables are in a schema of their own. For a reading request that schema comes first in the search path, so the same
pages show it.
"""

from collections.abc import Callable
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from eventstore.admin.pages import ReadOnlyAdmin
from projections.engine.checkpoints import parked_aggregates
from projections.engine.projection import PROJECTIONS, Projection
from projections.rebuild import schemas
from projections.rebuild.models import Build

SESSION = "looked_back_at"
READING = ("GET", "HEAD")


def retained_builds(projection: Projection) -> list[Build]:
    """Return the builds whose read model as it stood is still there and fits today's code, the newest first."""
    built = Build.objects.filter(projection=projection.name, kind=Build.Kind.AS_OF, state=Build.State.DONE)
    latest = {build.space: build for build in built.order_by("id")}
    usable = schemas.fitting(projection, latest) if latest else ()
    return [build for build in reversed(latest.values()) if build.space in usable]


def projection_of(model: type[models.Model]) -> Projection | None:
    """Return the projection that writes this table, if any."""
    return next((each for each in PROJECTIONS.values() if model in each.tables), None)


def looked_back_at(request: HttpRequest, model: type[models.Model] | None = None) -> Build | None:
    """Return the build that the user looks at instead of now, or None. With `model`, only a build with that table."""
    build: Build | None = getattr(request, "looked_back_at", None)
    if build and model and model not in PROJECTIONS[build.projection].tables:
        return None
    return build


def lookback_label(build: Build) -> str:
    """Return a label such as `accounting as of 31 Mar 2011, 23:59`."""
    return f"{build.projection} {build.limits.in_words if build.limits else ''}"


def choose_build(request: HttpRequest, build: Build | None) -> None:
    """Show this user the read model of `build` from the next request on; with None, everything as it is now."""
    if build is None:
        request.session.pop(SESSION, None)
    else:
        request.session[SESSION] = build.pk


class ViewAdmin(ReadOnlyAdmin):
    """An admin of a read model's table, as it is or as it stood. The past has no actions."""

    list_before_template = "projections/lookback.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        projection = projection_of(self.model)
        build = looked_back_at(request, self.model)
        context = {
            "looked_at": build and lookback_label(build),
            "retained": [(each.pk, lookback_label(each)) for each in retained_builds(projection)] if projection else [],
            "parked": 0 if build or not projection else parked_aggregates(projection.name),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_actions(self, request: HttpRequest) -> Any:
        return {} if looked_back_at(request, self.model) else super().get_actions(request)


class LookbackMiddleware:
    """Answers staff who look back from the tables that they chose. Must come after the session middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(reverse("admin:index")) or SESSION not in request.session:
            return self.get_response(request)
        build = Build.objects.filter(pk=request.session[SESSION], projection__in=PROJECTIONS).first()
        if build is None or not schemas.fits(PROJECTIONS[build.projection], build.space):
            del request.session[SESSION]  # its tables were dropped
            return self.get_response(request)
        request.looked_back_at = build  # type: ignore[attr-defined]  # read by looked_back_at
        if request.method not in READING:
            return self.get_response(request)
        with schemas.use_space(build.space):
            return self.get_response(request)
