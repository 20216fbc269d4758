"""System checks of projections. `manage.py check` runs them, and so does every other command."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from projections.engine.projection import PROJECTIONS


@register()
def complete_projections(**options: Any) -> list[CheckMessage]:
    """Return an error for each event that a projection declares in `complete` and does not handle."""
    return [
        Error(
            f"the projection {name!r} has no handler for {event}",
            hint=f"Add a method with @handles({event}) to {type(projection).__qualname__}.",
            id="projections.E001",
        )
        for name, projection in PROJECTIONS.items()
        for event in projection.missing_handlers()
    ]
