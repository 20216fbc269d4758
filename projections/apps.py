"""What the read models register when Django starts."""

from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    name = "projections"
    verbose_name = "Read models"

    def ready(self) -> None:
        """Register tasks, checks and admin pages by importing them, and the workers to wake after a commit."""
        from eventstore.wakeups import wakeup  # noqa: PLC0415 - models load before this method runs
        from projections import checks, tasks  # noqa: F401, PLC0415
        from projections.accounting.admin import balances, journal  # noqa: F401, PLC0415
        from projections.admin import operations  # noqa: F401, PLC0415
        from projections.webhooks import admin  # noqa: F401, PLC0415
        from projections.webhooks import tasks as webhooks  # noqa: PLC0415

        wakeup.register_first_wave(tasks.wakeups)
        wakeup.register_second_wave(webhooks.wakeups)
