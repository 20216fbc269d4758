"""Helpers that use the admin as a browser does."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.test import Client
from django.urls import reverse

from eventstore.dispatch import Context, dispatch
from projections.staff.orders import StaffOrder
from tests.support.orders import new_order, pay

LogIn = Callable[..., Client]


CONFIRMED = re.compile(r'name="confirmed" value="(\w+)"')
"""The field with which an operator confirms an action."""

ORDERS = "/admin/projections/stafforder/"


def placed(*, paid: bool = False) -> Any:
    """Place an order, and pay it if asked. Return its id."""
    create = new_order()
    dispatch(create, Context(actor=f"customer:{create.customer_id}"))
    if paid:
        dispatch(pay(create.order_id), Context(actor=f"customer:{create.customer_id}"))
    return create.order_id


def text(response: Any) -> str:
    """Return the page's text; the status must be 200."""
    assert response.status_code == 200, response
    return str(response.content.decode())


def act(client: Client, page: str, action: str, *keys: Any, **more: str) -> Any:
    """Run a list action on the rows with these keys, and confirm it if the site asks."""
    chosen = {"action": action, "_selected_action": list(keys)} | more
    answer = client.post(page, chosen, follow=True)
    asked = CONFIRMED.search(answer.content.decode())
    return client.post(page, chosen | {"confirmed": asked[1]}, follow=True) if asked else answer


def submit(client: Client, name: str, ids: list[Any], form_id: str | None = None, **fields: Any) -> Any:
    """Send the form of an order command as it would be shown now, and follow the redirect.

    `seen` is the version or the versions that the form saw, if not those of now.
    """
    versions = dict(StaffOrder.objects.filter(pk__in=ids).values_list("pk", "version"))
    seen = fields.pop("seen", [str(versions.get(UUID(str(order_id)), 0)) for order_id in ids])
    data = {"form_id": form_id or str(uuid4()), "order": [str(order_id) for order_id in ids], "seen": seen, **fields}
    return client.post(reverse("admin:order-command", args=[name]), data, follow=True)
