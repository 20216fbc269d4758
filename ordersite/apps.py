"""Register the site's parts when Django starts."""

from django.apps import AppConfig


class OrdersiteConfig(AppConfig):
    """The site's app: the user model, the admin and the tasks."""

    name = "ordersite"

    def ready(self) -> None:
        """Register tasks, checks and admin pages by importing them, and connect signal receivers."""
        from django.db.models import signals  # noqa: PLC0415 - models load before this method runs

        from ordersite import celery, checks  # noqa: F401, PLC0415
        from ordersite.access import rules  # noqa: F401, PLC0415
        from ordersite.access import signals as access_signals  # noqa: PLC0415
        from ordersite.admin import (  # noqa: PLC0415
            accounts,  # noqa: F401
            approvals,  # noqa: F401
            login_records,  # noqa: F401
            operations,  # noqa: F401
            orders,  # noqa: F401
            programs,  # noqa: F401
            users,  # noqa: F401
        )
        from ordersite.customers import claims, emails  # noqa: F401, PLC0415
        from ordersite.customers.erasure import stop_webhooks  # noqa: PLC0415
        from ordersite.logins import completion, records, sessions  # noqa: F401, PLC0415
        from ordersite.models import ServiceAccount, User  # noqa: PLC0415
        from ordersite.roles import write_roles  # noqa: PLC0415
        from ordersite.table_owners import grant_new_tables  # noqa: PLC0415
        from ordersite.withdrawal import end_tokens  # noqa: PLC0415

        access_signals.connect()
        records.connect()
        completion.connect()
        signals.post_migrate.connect(write_roles, sender=self)
        signals.post_migrate.connect(grant_new_tables, sender=self)
        for model in (User, ServiceAccount):
            signals.pre_save.connect(end_tokens, sender=model)
        for signal in (signals.post_save, signals.post_delete):
            signal.connect(stop_webhooks, sender=User)
            signal.connect(stop_webhooks, sender=ServiceAccount)
