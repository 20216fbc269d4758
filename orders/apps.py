from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from django.conf import settings  # noqa: PLC0415 - read when the site starts

        from orders import policy  # noqa: PLC0415

        policy.use(
            policy.Policy(
                paid_before_shipped=settings.PAID_BEFORE_SHIPPED, approval_limits=settings.REFUND_APPROVAL_LIMITS
            )
        )
        from orders import account_payments, order, processes  # noqa: F401, PLC0415 - importing them registers the rules and reactions
        from orders.accounts import account  # noqa: F401, PLC0415
        from orders.customers import customer  # noqa: F401, PLC0415
