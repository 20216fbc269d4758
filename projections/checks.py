"""What `manage.py check`, and with it every other command, refuses."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from projections.engine.projection import PROJECTIONS


@register()
def complete_projections(**options: Any) -> list[CheckMessage]:
    """A view that is meant to show every event has a handler for each."""
    return [
        Error(
            f"the projection {name!r} has no handler for {event}",
            hint=f"Add a method with @handles({event}) to {type(projection).__qualname__}.",
            id="projections.E001",
        )
        for name, projection in PROJECTIONS.items()
        for event in projection.missing_handlers()
    ]
