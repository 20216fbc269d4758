"""Whatever is wrong with a stored event, no page and no answer that shows its order is an error of the server."""

from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from eventstore.models import Event
from ordersite.models import User
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from tests.support.admin import submit
from tests.support.api import ORDERS, PAYMENT, place, send
from tests.support.back_office import staff_client
from tests.support.tampering import DAMAGE, change_event

pytestmark = pytest.mark.django_db(transaction=True)


def visit(client: Client, *addresses: str) -> list[str]:
    """Return the addresses that are answered with an error of the server."""
    client.raise_request_exception = False
    return [address for address in addresses if client.get(address, follow=True).status_code == 500]


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("version", [1, 2])
def test_a_damaged_event_breaks_no_page_and_no_answer(damage: str, version: int, api: APIClient, ada: User) -> None:
    order_id = place(api)
    assert send(api, f"{ORDERS}/{order_id}/payments", PAYMENT).status_code == 200
    change_event(UUID(order_id), damage, version=version)
    for projection in PROJECTIONS.values():
        catch_up(projection)
    root = Client()
    root.force_login(User.objects.create_superuser("root", password="secret-1"))
    order = reverse("admin:projections_stafforder_change", args=[order_id])
    pages = [reverse("admin:eventstore_event_change", args=[each.pk]) for each in Event.objects.defer("event_data")]
    lists = ("eventstore_event", "projections_stafforder", "projections_parkedevent", "projections_accountingentry")
    pages += [reverse(f"admin:{name}_changelist") for name in lists]
    assert visit(root, order, f"{order}?version=1", f"{order}?as_of=2031-01-01", *pages) == []
    own = f"{ORDERS}/{order_id}"
    assert visit(
        api, own, f"{own}?version=1", f"{own}?as_of=2031-01-01", f"{own}?min_version=2", f"{own}?min_version=9",
        f"{own}/timeline", f"{own}/payments", ORDERS, "/api/v1/events", "/api/v1/me/export",
    ) == []  # fmt: skip
    assert visit(staff_client(), f"/api/v1/back-office/orders/{order_id}?min_version=9") == []
    assert send(api, f"{own}/cancel", {"reason": "Changed my mind"}).status_code in (200, 404, 409, 503)
    staff = submit(root, "hold", [order_id], reason="Wait")
    assert staff.status_code in (200, 404)
