"""On every path of the API, objects of one customer do not exist for others."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from eventstore.models import Event, QueuedCommand
from tests.support.api import BODY, ORDERS, place, send
from tests.support.back_office import staff_client
from tests.support.operations import operations as all_operations
from tests.support.operations import request
from tests.support.plenty import ask_for_approval
from tests.support.programs import program
from tests.support.site import client_of, make_customer
from tests.support.webhooks import ENDPOINTS, subscribe

Names = dict[str, str]
MADE: dict[str, Callable[[APIClient, Names], Any]] = {
    "order_id": lambda api, names: place(api),
    "command_id": lambda api, names: send(api, ORDERS, BODY, Prefer="respond-async").json()["command_id"],
    "endpoint_id": lambda api, names: subscribe(api, "http://127.0.0.1:9/hooks")["id"],
    "event_id": lambda api, names: api.post(f"{ENDPOINTS}/{names['endpoint_id']}/test").json()["event_id"],
    "approval_id": lambda api, names: ask_for_approval(),
}
"""By path parameter: create an object of the customer, and return its id; `names` holds the ids so far."""
BACK_OFFICE_PATHS = "/back-office/"
SHOP_ENDPOINTS = "/api/v1/back-office/webhook-endpoints"
PROGRAM_PATHS = f"{BACK_OFFICE_PATHS}webhook-endpoints/"


def names_of(api: APIClient) -> Names:
    names: Names = {}
    for name, make in MADE.items():
        names[name] = str(make(api, names))
    return names


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the operations whose path has a parameter."""
    return ((method, path, operation) for method, path, operation in all_operations() if "{" in path)


def test_every_path_parameter_is_listed_here() -> None:
    named = {part[1:-1] for _, path, _ in operations() for part in path.split("/") if part.startswith("{")}
    assert named <= set(MADE), "add to MADE how a customer gets one"


def test_another_customers_objects_do_not_exist_on_any_path(api: APIClient) -> None:
    names = names_of(api)
    eve, staff = client_of(make_customer("eve")), staff_client()
    before = Event.objects.count(), QueuedCommand.objects.count()
    checked = 0
    for method, path, operation in operations():
        for stranger in [eve, api] if BACK_OFFICE_PATHS in path else [eve]:
            answer = request(stranger, method, path.format(**names), operation)
            refusal = answer.status_code, answer.headers["Content-Type"]
            assert refusal == (404, "application/problem+json"), f"{method} {path}"
        checked += 1
    assert checked > 40
    assert (Event.objects.count(), QueuedCommand.objects.count()) == before, "no command was executed"
    erp = program("erp", "manage_webhooks")
    endpoint_id = erp.post(SHOP_ENDPOINTS, {"url": "http://127.0.0.1:9/hooks"}, format="json").json()["id"]
    event_id = erp.post(f"{SHOP_ENDPOINTS}/{endpoint_id}/test").json()["event_id"]
    of_erp = names | {"endpoint_id": endpoint_id, "event_id": event_id}
    deletions_last = sorted(operations(), key=lambda each: (each[0] == "delete", -len(each[1])))
    for method, path, operation in deletions_last:
        owner, own = (erp, of_erp) if PROGRAM_PATHS in path else (staff if BACK_OFFICE_PATHS in path else api, names)
        answer = request(owner, method, path.format(**own), operation)
        assert answer.status_code != 404, f"{method} {path}: the owner must find it, or the test proves nothing"


def test_without_a_token_existing_and_missing_objects_look_the_same(api: APIClient) -> None:
    there = names_of(api)
    nowhere = {name: str(uuid4()) for name in there}
    for method, path, operation in operations():
        for names in (there, nowhere):
            answer = request(APIClient(), method, path.format(**names), operation)
            assert answer.status_code == 401, f"{method} {path}"


@pytest.mark.parametrize("prefer", ["", "respond-async"])
def test_a_stranger_learns_nothing_from_a_version(api: APIClient, prefer: str) -> None:
    order_id, eve = place(api), client_of(make_customer("eve"))
    headers = {"Prefer": prefer} if prefer else {}
    codes = {
        send(eve, f"{ORDERS}/{order_id}/cancel", {"reason": "mine now"}, **{"If-Match": seen}, **headers).status_code
        for seen in ('"1"', '"7"', "*")
    }
    assert codes == ({202} if prefer else {404})
