"""The middleware for cached orders answers exactly as the view, and leaves all refusals to the view."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest
import redis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from eventstore.wakeups import valkey
from ordersite.models import User
from projections.customer.api import cached_order
from projections.customer.api.orders import GetOwnOrder
from projections.reading.row_cache import Lease
from tests.support.api import BODY, ORDERS, PAYMENT, problem, send
from tests.support.site import client_of, make_customer

CACHED_ORDERS = "ordersite.middleware.cached_orders.CachedOrders"
COUNT_AND_LOOK_UP = "ordersite.middleware.cached_orders.CountAndLookUp"
RATE_LIMITS = "ordersite.middleware.rate_limits.RateLimits"


@pytest.fixture
def order(api: APIClient) -> str:
    """The path of a cached order with text outside ASCII."""
    lines = [BODY["lines"][0] | {"name": 'Tasse "blau", 0,3 \N{SCRIPT SMALL L}\N{LINE SEPARATOR}<b>\\'}]
    path = f"{ORDERS}/{send(api, ORDERS, BODY | {'lines': lines, 'country': 'Österreich'}).json()['order_id']}"
    send(api, f"{path}/payments", PAYMENT | {"amount": "15.00"})
    assert api.get(path).status_code == 200
    return path


@pytest.fixture
def view_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    get = GetOwnOrder.get

    def recorded(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(request.path)
        return get(self, request, *args, **kwargs)

    monkeypatch.setattr(GetOwnOrder, "get", recorded)
    return calls


def comparable(answer: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return the whole answer except `RateLimit`, which changes with every request."""
    return answer.status_code, answer.content, [item for item in answer.items() if item[0] != "RateLimit"]


CURRENT = "the current ETag"
REQUESTS: dict[str, tuple[bool, dict[str, Any]]] = {
    "plainly": (True, {}),
    "for JSON": (True, {"HTTP_ACCEPT": "application/json"}),
    "for anything": (True, {"HTTP_ACCEPT": "*/*"}),
    "in Russian": (True, {"HTTP_ACCEPT_LANGUAGE": "ru, en;q=0.5"}),
    "for a visible version": (True, {"QUERY_STRING": "min_version=2"}),
    "with the current ETag": (True, {"HTTP_IF_NONE_MATCH": CURRENT}),
    "with the current ETag among others": (True, {"HTTP_IF_NONE_MATCH": f'"1.abc", W/{CURRENT}'}),
    "with any ETag": (True, {"HTTP_IF_NONE_MATCH": "*"}),
    "with an old ETag": (True, {"HTTP_IF_NONE_MATCH": '"1.0123456789ab"'}),
    "with a date, which is ignored": (True, {"HTTP_IF_MODIFIED_SINCE": "Wed, 25 Nov 2099 00:00:00 GMT"}),
    "for a future version": (False, {"QUERY_STRING": "min_version=9"}),
    "for an invalid version": (False, {"QUERY_STRING": "min_version=two"}),
    "for its payments": (False, {"QUERY_STRING": "expand=payments,returns"}),
    "with an unknown parameter": (False, {"QUERY_STRING": "unknown=1"}),
    "for the past": (False, {"QUERY_STRING": "version=1"}),
    "if the current ETag matches": (False, {"HTTP_IF_MATCH": CURRENT}),
    "if an old ETag matches": (False, {"HTTP_IF_MATCH": '"1.0123456789ab"'}),
    "for HTML": (False, {"HTTP_ACCEPT": "text/html"}),
    "for indented JSON": (False, {"HTTP_ACCEPT": "application/json; indent=4"}),
    "with HEAD": (False, {"REQUEST_METHOD": "HEAD"}),
    "with DELETE": (False, {"REQUEST_METHOD": "DELETE"}),
    "with another host": (False, {"HTTP_HOST": "elsewhere.example"}),
    "without a token": (False, {"HTTP_AUTHORIZATION": ""}),
    "with an unknown token": (False, {"HTTP_AUTHORIZATION": f"Token {'0' * 64}"}),
    "with two tokens": (False, {"HTTP_AUTHORIZATION": "Token one two"}),
    "with another scheme": (False, {"HTTP_AUTHORIZATION": "Basic YWRhOnNlY3JldC0x"}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_cached_answer_equals_the_views_byte_for_byte(
    api: APIClient, order: str, settings: Any, view_calls: list[str], name: str
) -> None:
    settings.READ_WAIT_SECONDS = 0.05
    from_cache, headers = REQUESTS[name]
    etag = api.get(order)["ETag"]
    environ = api._credentials | {"HTTP_X_REQUEST_ID": "one"}  # type: ignore[attr-defined]  # DRF has no other
    environ |= {key: value.replace(CURRENT, etag) for key, value in headers.items()}
    view_calls.clear()
    ours = comparable(Client().generic("GET", order, **environ))
    assert (view_calls == []) is from_cache or ours[0] in (400, 401, 405, 406)
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if path != CACHED_ORDERS]
    assert ours == comparable(Client().generic("GET", order, **environ))


def test_without_the_combined_script_the_view_answers_the_same(
    api: APIClient, order: str, settings: Any, view_calls: list[str]
) -> None:
    environ = api._credentials | {"HTTP_X_REQUEST_ID": "one"}  # type: ignore[attr-defined]  # DRF has no other
    combined = comparable(Client().generic("GET", order, **environ))
    view_calls.clear()
    settings.MIDDLEWARE = [path if path != COUNT_AND_LOOK_UP else RATE_LIMITS for path in settings.MIDDLEWARE]
    assert comparable(Client().generic("GET", order, **environ)) == combined
    assert view_calls == [order]


def test_a_cached_answer_needs_no_orm_query(api: APIClient, order: str, view_calls: list[str]) -> None:
    view_calls.clear()
    with CaptureQueriesContext(connection) as queries:
        assert api.get(order).status_code == 200
    assert (view_calls, [query["sql"] for query in queries]) == ([], [])


def test_counting_and_lookup_take_one_round_trip_to_valkey(
    api: APIClient, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    execute = redis.Redis.execute_command

    def seen(self: Any, *args: Any, **options: Any) -> Any:
        sent.append(args[0])
        return execute(self, *args, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(redis.Redis, "execute_command", seen)
    assert api.get(order).status_code == 200
    assert sent == ["EVALSHA"]


def test_other_users_get_the_views_refusals(api: APIClient, order: str) -> None:
    problem(client_of(make_customer("eve")).get(order), 404, "order_not_found")
    problem(client_of(User.objects.create_user("anna", is_staff=True)).get(order), 403, "not_a_customer")


def test_a_guests_order_belongs_to_no_account(projecting: None) -> None:
    """The order has no owner and the account no customer: two missing values must not count as equal."""
    user = User.objects.create_user("user")
    body = msgspec.msgpack.encode(cached_order.CachedOrder(owner=None, version=1, etag='"1.a"', order=b"{}", parts={}))
    assert user.customer_id is None
    assert cached_order.from_cache(Lease("customer", uuid4(), body=body), user.customer_id, min_version=0) is None


def test_a_changed_order_is_not_answered_from_the_old_cache_entry(api: APIClient, order: str) -> None:
    assert api.get(order).json()["version"] == 2
    send(api, f"{order}/cancel", {"reason": "changed my mind"})
    assert (api.get(order).json()["version"], api.get(order).json()["status"]) == (3, "cancelled")


def test_a_cache_entry_of_another_release_is_ignored(api: APIClient, order: str) -> None:
    row = f"ordersite:row:customer:{order.rsplit('/', 1)[1]}"
    assert valkey.client().hset(row, "body", b'{"owner":null,"version":2,"shown":{}}') == 0, "the field exists"
    assert api.get(order).json()["version"] == 2


def test_without_valkey_the_view_answers(api: APIClient, order: str, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert api.get(order).json()["version"] == 2
