from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        from orders import order  # noqa: F401, PLC0415 - importing it registers the aggregate with the write path
