from django.apps import AppConfig


class OrdersiteConfig(AppConfig):
    name = "ordersite"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate  # noqa: PLC0415 - only now are the models loaded

        from ordersite.roles import write_roles  # noqa: PLC0415

        post_migrate.connect(write_roles, sender=self)
        # Importing them is what they are for: tasks find their broker, checks register themselves.
        from ordersite import celery, checks, mails  # noqa: F401, PLC0415
