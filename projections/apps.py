from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    name = "projections"
    verbose_name = "Read models"

    def ready(self) -> None:
        from eventstore import bell  # noqa: PLC0415
        from projections import tasks  # noqa: PLC0415 - only now are the models loaded
        from projections.customer.webhooks import tasks as webhooks  # noqa: PLC0415

        bell.at_every_commit(tasks.bells)
        bell.after_the_first(webhooks.bells)
        from projections import checks  # noqa: F401, PLC0415 - registers itself
