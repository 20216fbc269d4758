"""What the order domain registers when Django starts."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        """Register rules and process managers by importing them, and give the rules the shop's policy."""
        from django.conf import settings  # noqa: PLC0415 - models load before this method runs

        from orders import order, policy  # noqa: F401, PLC0415
        from orders.accounts import rules as account_rules  # noqa: F401, PLC0415
        from orders.customers import rules as customer_rules  # noqa: F401, PLC0415
        from orders.processes import account_payments, expiry  # noqa: F401, PLC0415

        policy.use(
            policy.Policy(
                paid_before_shipped=settings.PAID_BEFORE_SHIPPED, approval_limits=settings.REFUND_APPROVAL_LIMITS
            )
        )
