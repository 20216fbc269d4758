from django.apps import AppConfig


class EventStoreConfig(AppConfig):
    name = "eventstore"
    verbose_name = "Event log"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate  # noqa: PLC0415 - only now are the models loaded

        # Importing them registers the tasks and the aggregates.
        from eventstore import bell, causality, processes, publishing, queue, snapshots, subjects  # noqa: F401, PLC0415
        from eventstore.dispatch import events_appended  # noqa: PLC0415

        events_appended.connect(snapshots.request)
        bell.after_the_first(processes.bells)
        events_appended.connect(bell.ring_all)
        post_migrate.connect(processes.install_after_migration, sender=self)
