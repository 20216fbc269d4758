from django.apps import AppConfig


class EventStoreConfig(AppConfig):
    name = "eventstore"
    verbose_name = "Event log"

    def ready(self) -> None:
        from eventstore import snapshots, subjects  # noqa: F401, PLC0415 - importing it registers the aggregate
        from eventstore.dispatch import events_appended  # noqa: PLC0415 - only now are the models loaded

        events_appended.connect(snapshots.request)
