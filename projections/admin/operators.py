"""What the admin pages of operators share: their permission, the colours of states, and the retry of parked events."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from eventstore.admin.pages import ReadOnlyAdmin
from projections.engine.checkpoints import LIVE, ParkedEvent
from projections.engine.parking import redrive
from projections.engine.projection import projection_named

STATE_COLOURS = {
    **dict.fromkeys(("level", "done"), "success"),
    **dict.fromkeys(("behind", "building", "finishing"), "info"),
    **dict.fromkeys(("rebuild wanted", "parked", "paused"), "warning"),
    **dict.fromkeys(("failing", "failed", "incomplete"), "danger"),
}


class OperatorAdmin(ReadOnlyAdmin):
    """An admin whose actions operate read models. They need a permission of their own."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may run actions with `permissions=["operate"]`."""
        return request.user.has_perm("projections.operate")


def retry_parked(page: Any, request: HttpRequest, name: str, **which: Any) -> None:
    """Retry the parked events of a projection, or those that `which` selects, and say how many still wait."""
    released = redrive(projection_named(name), **which)
    left = ParkedEvent.objects.filter(projection=name, space=LIVE, **which).count()
    level = messages.WARNING if left else messages.SUCCESS
    page.message_user(request, f"{name}: {released} no longer parked, {left} still parked.", level)
