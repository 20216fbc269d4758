"""On every path of the API that names something of somebody's: to anybody else it does not exist."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import yaml
from django.test import Client
from rest_framework.test import APIClient

from eventstore.models import Event, QueuedCommand
from tests.support.api import BODY, ORDERS, place, send
from tests.support.back_office import staff_client
from tests.support.site import client_of, make_customer
from tests.support.webhooks import ENDPOINTS, subscribe

Names = dict[str, str]
MADE: dict[str, Callable[[APIClient, Names], Any]] = {
    "order_id": lambda api, names: place(api),
    "command_id": lambda api, names: send(api, ORDERS, BODY, Prefer="respond-async").json()["command_id"],
    "endpoint_id": lambda api, names: subscribe(api, "http://127.0.0.1:9/hooks")["id"],
    "event_id": lambda api, names: api.post(f"{ENDPOINTS}/{names['endpoint_id']}/test").json()["event_id"],
}
"""By the parameter of a path: makes one of a customer's own, for that parameter to name; `names` are those so far."""
OF_THE_SHOP = "/back-office/"


def names_of(api: APIClient) -> Names:
    names: Names = {}
    for name, make in MADE.items():
        names[name] = str(make(api, names))
    return names


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation whose path has a parameter; those that delete come last."""
    schema = yaml.safe_load(Client().get("/api/v1/schema").content)
    for wanted in (False, True):
        for path, methods in schema["paths"].items():
            for method, operation in methods.items():
                if "{" in path and (method == "delete") is wanted:
                    yield method, path, operation


def asked(api: APIClient, method: str, path: str, operation: dict[str, Any]) -> Any:
    """Sends the operation with the body of its example."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"} if method != "get" else {}
    return getattr(api, method)(path, body, format="json", headers=headers) if body else getattr(api, method)(
        path, headers=headers
    )  # fmt: skip


def test_whoever_adds_a_path_says_here_whose_it_is() -> None:
    named = {part[1:-1] for _, path, _ in operations() for part in path.split("/") if part.startswith("{")}
    assert named <= set(MADE), "MADE has to say how a customer comes to have one of these"


def test_what_is_anothers_does_not_exist_on_any_path(api: APIClient) -> None:
    names = names_of(api)
    eve, staff = client_of(make_customer("eve")), staff_client()
    before = Event.objects.count(), QueuedCommand.objects.count()
    walked = 0
    for method, path, operation in operations():
        for stranger in [eve, api] if OF_THE_SHOP in path else [eve]:
            answer = asked(stranger, method, path.format(**names), operation)
            found = answer.status_code, answer.headers["Content-Type"]
            assert found == (404, "application/problem+json"), f"{method} {path}"
        walked += 1
    assert walked > 40
    assert (Event.objects.count(), QueuedCommand.objects.count()) == before, "and nothing was done"
    for method, path, operation in operations():
        theirs = staff if OF_THE_SHOP in path else api
        answer = asked(theirs, method, path.format(**names), operation)
        assert answer.status_code != 404, f"{method} {path}: else nothing was tested"


def test_without_a_token_there_is_no_difference_between_what_is_there_and_what_is_not(api: APIClient) -> None:
    there = names_of(api)
    nowhere = {name: str(uuid4()) for name in there}
    for method, path, operation in operations():
        for names in (there, nowhere):
            answer = asked(APIClient(), method, path.format(**names), operation)
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
