from django.apps import AppConfig


class OrdersiteConfig(AppConfig):
    name = "ordersite"

    def ready(self) -> None:
        from django.db.models import signals  # noqa: PLC0415 - only now are the models loaded

        from ordersite.models import User  # noqa: PLC0415
        from ordersite.people import shut_out  # noqa: PLC0415
        from ordersite.roles import write_roles  # noqa: PLC0415

        signals.post_migrate.connect(write_roles, sender=self)
        for changed in (signals.post_save, signals.post_delete):
            changed.connect(shut_out, sender=User)
        # Importing them is what they are for: tasks find their broker, checks register themselves.
        from ordersite import celery, checks, mails  # noqa: F401, PLC0415
