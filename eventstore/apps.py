"""The Django app of the event log: what it registers at start-up."""

from django.apps import AppConfig


class EventStoreConfig(AppConfig):
    """The app configuration of `eventstore`."""

    name = "eventstore"
    verbose_name = "Event log"

    def ready(self) -> None:
        """Register tasks, aggregates and admin pages by importing them, and connect the signal receivers."""
        from django.db.models.signals import post_migrate  # noqa: PLC0415 - models load before this method runs

        from eventstore import snapshots  # noqa: PLC0415
        from eventstore.admin import pages, parked  # noqa: F401, PLC0415
        from eventstore.dispatch import events_appended  # noqa: PLC0415
        from eventstore.followers import causality, process_managers  # noqa: F401, PLC0415
        from eventstore.personal_data import subjects  # noqa: F401, PLC0415
        from eventstore.queue import worker  # noqa: F401, PLC0415
        from eventstore.seals import publishing  # noqa: F401, PLC0415
        from eventstore.wakeups import wakeup  # noqa: PLC0415

        events_appended.connect(snapshots.request)
        wakeup.register_second_wave(process_managers.wakeups)
        events_appended.connect(wakeup.wake_first_wave)
        post_migrate.connect(process_managers.install_after_migration, sender=self)
