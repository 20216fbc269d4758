"""Every operation of the back office opens to its own permission, and to nothing else.

The operations are read from the API's description, so a new one is tried too.
"""

from collections.abc import Iterator
from uuid import uuid4

import yaml
from django.test import Client
from rest_framework.test import APIClient

from orders.http.access import SERVICE_PERMISSIONS
from ordersite.roles import ACCOUNTANTS
from tests.support.api import place
from tests.support.back_office import staff_client
from tests.support.programs import program

METHODS = ("get", "post", "put", "patch", "delete")


def doors() -> Iterator[tuple[str, str]]:
    """Yield method and path of each operation of the back office."""
    schema = yaml.safe_load(Client().get("/api/v1/schema").content)
    for path, methods in schema["paths"].items():
        for method in methods:
            if "/back-office/" in path and method in METHODS:
                yield method, path


def opens_to(method: str, path: str) -> set[str]:
    """Return the permissions of which one opens the door."""
    if "/webhook-endpoints" in path:
        return {"manage_webhooks"}
    if "/events" in path:
        return {"follow_events"}
    if method == "post":
        return {"send_commands"}
    return {"read_orders", "send_commands"} if "{order_id}" in path else {"read_orders"}


def knock(client: APIClient, method: str, path: str, order_id: str) -> int:
    """Send the operation, with an empty body, and return the status of the answer."""
    url = path.format(order_id=order_id, endpoint_id=uuid4(), event_id=uuid4(), approval_id=uuid4())
    answer = client.get(url) if method == "get" else getattr(client, method)(url, {}, format="json")
    return int(answer.status_code)


def test_a_program_with_one_permission_opens_exactly_its_doors(api: APIClient) -> None:
    order_id = place(api)
    programs = {name: program(name, name) for name in SERVICE_PERMISSIONS}
    for method, path in doors():
        opened = {name for name, each in programs.items() if knock(each, method, path, order_id) != 403}
        assert opened == opens_to(method, path), f"{method} {path}"


def test_others_find_no_doors(api: APIClient) -> None:
    order_id = place(api)
    nobody, may_nothing, accountant = APIClient(), program("idle"), staff_client("priya", ACCOUNTANTS)
    expected = {nobody: 401, may_nothing: 403, accountant: 404, api: 404}
    number = 0
    for method, path in doors():
        for client, status in expected.items():
            assert knock(client, method, path, order_id) == status, f"{method} {path}"
        number += 1
    assert number > 30


def test_a_program_is_no_customer(api: APIClient) -> None:
    erp = program("erp", *SERVICE_PERMISSIONS)
    for path in ("orders", "events", "webhook-endpoints", "me", "account"):
        assert erp.get(f"/api/v1/{path}").json()["code"] == "not_a_customer"
