"""An order that is kept ready is answered before any view: as the view would, and to nobody whom it would refuse."""

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

SHORT_CUT = "ordersite.middleware.cached_orders.CachedOrders"


@pytest.fixture
def order(api: APIClient) -> str:
    """The path of an order that is kept, which says something in more than ASCII."""
    lines = [BODY["lines"][0] | {"name": 'Tasse "blau", 0,3 \N{SCRIPT SMALL L}\N{LINE SEPARATOR}<b>\\'}]
    path = f"{ORDERS}/{send(api, ORDERS, BODY | {'lines': lines, 'country': 'Österreich'}).json()['order_id']}"
    send(api, f"{path}/payments", PAYMENT | {"amount": "15.00"})
    assert api.get(path).status_code == 200
    return path


@pytest.fixture
def views_asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    get = GetOwnOrder.get

    def seen(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(request.path)
        return get(self, request, *args, **kwargs)

    monkeypatch.setattr(GetOwnOrder, "get", seen)
    return asked


def told(answer: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer but how many requests are left, which every request changes."""
    return answer.status_code, answer.content, [item for item in answer.items() if item[0] != "RateLimit"]


HOLDS = "the ETag that it has"
ASKED: dict[str, tuple[bool, dict[str, Any]]] = {
    "plainly": (True, {}),
    "for JSON": (True, {"HTTP_ACCEPT": "application/json"}),
    "for anything": (True, {"HTTP_ACCEPT": "*/*"}),
    "in Russian": (True, {"HTTP_ACCEPT_LANGUAGE": "ru, en;q=0.5"}),
    "for a version that is shown": (True, {"QUERY_STRING": "min_version=2"}),
    "with what it has": (True, {"HTTP_IF_NONE_MATCH": HOLDS}),
    "with what it has, among others": (True, {"HTTP_IF_NONE_MATCH": f'"1.abc", W/{HOLDS}'}),
    "with anything": (True, {"HTTP_IF_NONE_MATCH": "*"}),
    "with what it had once": (True, {"HTTP_IF_NONE_MATCH": '"1.0123456789ab"'}),
    "with a date, which says nothing here": (True, {"HTTP_IF_MODIFIED_SINCE": "Wed, 25 Nov 2099 00:00:00 GMT"}),
    "for a version that is not there": (False, {"QUERY_STRING": "min_version=9"}),
    "for a version that is none": (False, {"QUERY_STRING": "min_version=two"}),
    "for its payments": (False, {"QUERY_STRING": "expand=payments,returns"}),
    "for what there is not": (False, {"QUERY_STRING": "unknown=1"}),
    "for the past": (False, {"QUERY_STRING": "version=1"}),
    "if it is what it has": (False, {"HTTP_IF_MATCH": HOLDS}),
    "if it is what it had once": (False, {"HTTP_IF_MATCH": '"1.0123456789ab"'}),
    "for a page": (False, {"HTTP_ACCEPT": "text/html"}),
    "for JSON that people can read": (False, {"HTTP_ACCEPT": "application/json; indent=4"}),
    "by its head": (False, {"REQUEST_METHOD": "HEAD"}),
    "by another method": (False, {"REQUEST_METHOD": "DELETE"}),
    "of another site": (False, {"HTTP_HOST": "elsewhere.example"}),
    "without a token": (False, {"HTTP_AUTHORIZATION": ""}),
    "with a token of nobody": (False, {"HTTP_AUTHORIZATION": f"Token {'0' * 64}"}),
    "with two tokens": (False, {"HTTP_AUTHORIZATION": "Token one two"}),
    "by another scheme": (False, {"HTTP_AUTHORIZATION": "Basic YWRhOnNlY3JldC0x"}),
}


@pytest.mark.parametrize("way", ASKED)
def test_it_is_answered_byte_for_byte_as_the_view_answers(
    api: APIClient, order: str, settings: Any, views_asked: list[str], way: str
) -> None:
    settings.READ_WAIT_SECONDS = 0.05
    is_short, asked = ASKED[way]
    etag = api.get(order)["ETag"]
    environ = api._credentials | {"HTTP_X_REQUEST_ID": "one"}  # type: ignore[attr-defined]  # DRF has no other
    environ |= {name: value.replace(HOLDS, etag) for name, value in asked.items()}
    views_asked.clear()
    ours = told(Client().generic("GET", order, **environ))
    assert (views_asked == []) is is_short or ours[0] in (400, 401, 405, 406)
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != SHORT_CUT]
    assert ours == told(Client().generic("GET", order, **environ))


def test_nothing_is_asked_of_the_database_but_whose_the_token_is(
    api: APIClient, order: str, views_asked: list[str]
) -> None:
    views_asked.clear()
    with CaptureQueriesContext(connection) as asked:
        assert api.get(order).status_code == 200
    assert (views_asked, [query["sql"] for query in asked]) == ([], [])


def test_it_takes_one_round_trip_to_valkey_with_the_count(
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


def test_another_is_told_what_the_view_tells_them(api: APIClient, order: str) -> None:
    problem(client_of(make_customer("eve")).get(order), 404, "order_not_found")
    problem(client_of(User.objects.create_user("anna", is_staff=True)).get(order), 403, "not_a_customer")


def test_an_order_of_a_guest_is_nobodys(projecting: None) -> None:
    """Neither its owner nor that of an account without a customer is anybody: they are not the same."""
    nobody = User.objects.create_user("nobody")
    kept = msgspec.msgpack.encode(cached_order.CachedOrder(owner=None, version=1, etag='"1.a"', order=b"{}", parts={}))
    assert nobody.customer_id is None
    assert cached_order.from_cache(Lease("customer", uuid4(), body=kept), nobody.customer_id, min_version=0) is None


def test_what_changed_is_not_answered_as_it_was(api: APIClient, order: str) -> None:
    assert api.get(order).json()["version"] == 2
    send(api, f"{order}/cancel", {"reason": "changed my mind"})
    assert (api.get(order).json()["version"], api.get(order).json()["status"]) == (3, "cancelled")


def test_what_another_release_kept_is_read_anew(api: APIClient, order: str) -> None:
    row = f"ordersite:row:customer:{order.rsplit('/', 1)[1]}"
    assert valkey.client().hset(row, "body", b'{"owner":null,"version":2,"shown":{}}') == 0, "it was kept there"
    assert api.get(order).json()["version"] == 2


def test_where_valkey_is_down_the_view_answers(api: APIClient, order: str, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert api.get(order).json()["version"] == 2
