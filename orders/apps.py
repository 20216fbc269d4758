"""The Django app of the order domain: registers rules and process managers when Django starts."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """The `orders` app."""

    name = "orders"

    def ready(self) -> None:
        """Register rules and process managers by importing them, and the rules of orders under the shop's policy."""
        from django.conf import settings  # noqa: PLC0415 - models load before this method runs

        from orders.accounts import rules as account_rules  # noqa: F401, PLC0415
        from orders.approvals import rules as approval_rules  # noqa: F401, PLC0415
        from orders.customers import rules as customer_rules  # noqa: F401, PLC0415
        from orders.order import register_orders  # noqa: PLC0415
        from orders.policy import Policy  # noqa: PLC0415
        from orders.processes import account_payments, expiry  # noqa: F401, PLC0415

        register_orders(
            Policy(paid_before_shipped=settings.PAID_BEFORE_SHIPPED, approval_limits=settings.APPROVAL_LIMITS)
        )
