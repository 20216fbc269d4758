from django.apps import AppConfig


class EventStoreConfig(AppConfig):
    name = "eventstore"
    verbose_name = "Event log"

    def ready(self) -> None:
        from eventstore import subjects  # noqa: F401, PLC0415 - importing it registers the aggregate
