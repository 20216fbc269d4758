from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from orders import order, processes  # noqa: F401, PLC0415 - importing them registers the rules and reactions
        from orders.accounts import account  # noqa: F401, PLC0415
