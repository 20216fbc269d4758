from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    name = "projections"
    verbose_name = "Read models"

    def ready(self) -> None:
        from eventstore.dispatch import events_appended  # noqa: PLC0415 - only now are the models loaded
        from projections.customer.webhooks import tasks as webhooks  # noqa: PLC0415
        from projections.tasks import ring  # noqa: PLC0415

        events_appended.connect(ring)
        events_appended.connect(webhooks.ring)
        from projections import checks  # noqa: F401, PLC0415 - registers itself
