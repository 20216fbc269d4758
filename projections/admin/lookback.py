"""Look at whole views as they stood: staff choose one that is kept, and see it until they go back to now.

Its tables stand in a schema of their own. A request that reads finds them there first, by the unmodified pages.
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


def retained_views(projection: Projection) -> list[Build]:
    """The views as they stood that are kept, the latest built first."""
    built = Build.objects.filter(projection=projection.name, kind=Build.Kind.AS_OF, state=Build.State.DONE)
    latest = {build.space: build for build in built.order_by("id")}
    usable = schemas.fitting(projection, latest) if latest else ()
    return [build for build in reversed(latest.values()) if build.space in usable]


def projection_of(model: type[models.Model]) -> Projection | None:
    return next((each for each in PROJECTIONS.values() if model in each.tables), None)


def looked_back_at(request: HttpRequest, model: type[models.Model] | None = None) -> Build | None:
    """What the person looks at instead of now; with `model`, only if that has a table there."""
    build: Build | None = getattr(request, "looked_back_at", None)
    if build and model and model not in PROJECTIONS[build.projection].tables:
        return None
    return build


def lookback_label(build: Build) -> str:
    """`accounting as of 31 Mar 2011, 23:59`."""
    return f"{build.projection} {build.limits.in_words if build.limits else ''}"


def choose_view(request: HttpRequest, build: Build | None) -> None:
    """From now on show the person this view as it stood; None: as everything is now."""
    if build is None:
        request.session.pop(SESSION, None)
    else:
        request.session[SESSION] = build.pk


class ViewAdmin(ReadOnlyAdmin):
    """A table of a read model, as it is or as it stood. Nothing is done to what is past."""

    list_before_template = "projections/lookback.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        projection = projection_of(self.model)
        looked_at = looked_back_at(request, self.model)
        context = {
            "looked_at": looked_at and lookback_label(looked_at),
            "kept": [(build.pk, lookback_label(build)) for build in retained_views(projection)] if projection else [],
            "parked": 0 if looked_at or not projection else parked_aggregates(projection.name),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_actions(self, request: HttpRequest) -> Any:
        return {} if looked_back_at(request, self.model) else super().get_actions(request)


class LookbackMiddleware:
    """Answers staff who look back from the tables that they chose. After the session's middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(reverse("admin:index")) or SESSION not in request.session:
            return self.get_response(request)
        found = Build.objects.filter(pk=request.session[SESSION], projection__in=PROJECTIONS).first()
        if found is None or not schemas.fits(PROJECTIONS[found.projection], found.space):
            del request.session[SESSION]  # somebody dropped it
            return self.get_response(request)
        request.looked_back_at = found  # type: ignore[attr-defined]  # read by looked_back_at
        if request.method not in READING:
            return self.get_response(request)
        with schemas.use_space(found.space):
            return self.get_response(request)
