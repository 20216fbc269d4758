"""`manage.py load_demo`: load the demo shop, once."""

from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from eventstore.management.base import SafeCommand
from ordersite import demo
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS


class Command(SafeCommand):
    """Load the demo shop, then bring the read models up to date."""

    help = "Create the demo logins and, if the event log is empty, about 300 demo orders."

    def handle(self, **options: Any) -> None:
        try:
            orders = demo.load(timezone.now(), self._progress)
        except demo.NoDemoHere as error:
            raise CommandError(str(error)) from error
        for projection in PROJECTIONS.values():
            catch_up(projection)
        self.stdout.write(f"{orders} demo orders" if orders else "the log has orders already: no demo orders added")

    def _progress(self, orders: int) -> None:
        self.stdout.write(f"demo shop: {orders} of {demo.ORDERS} orders")
