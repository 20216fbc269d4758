"""The Django app of the read models: what it registers at start."""

from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    """The app `projections`."""

    name = "projections"
    verbose_name = "Read models"

    def ready(self) -> None:
        """Import tasks, checks and admin pages, which register themselves, and register the wake-ups of a commit."""
        from eventstore.wakeups import wakeup  # noqa: PLC0415 - models load before this method runs
        from projections import checks, tasks  # noqa: F401, PLC0415
        from projections.accounting.admin import balances, journal  # noqa: F401, PLC0415
        from projections.admin import builds, operations, parked  # noqa: F401, PLC0415
        from projections.engine import wakeups  # noqa: PLC0415
        from projections.webhooks import admin  # noqa: F401, PLC0415
        from projections.webhooks import tasks as webhooks  # noqa: PLC0415

        wakeup.register_first_wave(wakeups.wakeups_for)
        wakeup.register_second_wave(webhooks.wakeups)
