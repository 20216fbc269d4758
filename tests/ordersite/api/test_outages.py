"""While a part that the site needs does not answer, every operation of the API says so and when to try again."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest import mock
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, connections
from django.test import Client
from psycopg import errors as pg
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.test import APIClient

from ordersite.middleware import cached_orders
from ordersite.roles import BACK_OFFICE
from tests.support.api import BODY, ORDERS, place, problem, send
from tests.support.hostile import hostile_defaults
from tests.support.operations import operations, request
from tests.support.site import client_of, make_customer

AnyClient = TypeVar("AnyClient", bound=Client)
NEEDS_NO_DATABASE = {"/api/v1/auth/verify-email"}
"""The token of the example is refused before the database is asked."""


@contextmanager
def no_database() -> Iterator[None]:
    """Let every attempt to connect to the database fail."""
    connections.close_all()
    with mock.patch.dict(connection.settings_dict, {"PORT": "1"}):
        try:
            yield
        finally:
            connections.close_all()


def end_the_connection() -> None:
    """End the session of this process at the server, as an administrator or a failover does."""
    connection.ensure_connection()
    server = connection.settings_dict
    url = f"postgresql://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{server['NAME']}"
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])


def quiet(client: AnyClient) -> AnyClient:
    """Let the client get the answer to an unexpected error, instead of the error."""
    client.raise_request_exception = False
    return client


def test_every_operation_says_that_the_database_does_not_answer(api: APIClient) -> None:
    every = list(operations())
    checked = 0
    with no_database():
        for method, path, operation in every:
            assert "503" in operation["responses"], path
            answer = request(quiet(api), method, re.sub(r"\{\w+\}", str(uuid4()), path), operation)
            if path not in NEEDS_NO_DATABASE:
                problem(answer, 503, "unavailable")
                assert int(answer["Retry-After"]) > 0, f"{method} {path}"
                checked += 1
    assert checked > 60


def test_a_path_without_an_operation_needs_no_database(api: APIClient) -> None:
    with no_database():
        problem(quiet(api).get("/api/v1/nope"), 404, "not_found")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_connection_that_the_server_ended_is_an_outage_once(api: APIClient, method: str) -> None:
    end_the_connection()
    answer = send(quiet(api), ORDERS, BODY) if method == "post" else quiet(api).get(ORDERS)
    problem(answer, 503, "unavailable")
    connection.close_if_unusable_or_obsolete()  # as before each request
    assert api.get(ORDERS).status_code == 200


def test_an_error_before_the_views_is_an_outage_too(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> Any:
        raise pg.AdminShutdown("terminating connection")

    monkeypatch.setattr(cached_orders.CachedOrders, "_cached_answer", fail)
    monkeypatch.setattr(cached_orders.CountAndLookUp, "count", fail)
    answer = quiet(api).get(f"{ORDERS}/{uuid4()}")
    problem(answer, 503, "unavailable")
    assert answer["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (lambda: pg.QueryCanceled("statement timeout"), 503),
        (lambda: pg.TooManyConnections("sorry, too many clients already"), 503),
        (lambda: pg.DiskFull("no space left on device"), 503),
        (lambda: pg.LockNotAvailable("lock timeout"), 503),
        (lambda: pg.IdleInTransactionSessionTimeout("idle"), 503),
        (lambda: pg.SerializationFailure("conflict with recovery"), 503),
        (lambda: RedisConnectionError("refused"), 503),
        (lambda: pg.UndefinedTable("no such table"), 500),
        (lambda: pg.InFailedSqlTransaction("aborted"), 500),
        (lambda: ZeroDivisionError("a bug"), 500),
    ],
)
def test_only_what_passes_by_itself_is_an_outage(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception], status: int
) -> None:
    def fail(*arguments: Any, **more: Any) -> Any:
        with connection.wrap_database_errors:
            raise error()

    monkeypatch.setattr("ordersite.api.authentication.token_owner", fail)
    assert quiet(api).get(ORDERS).status_code == status


def test_without_the_cache_and_the_broker_the_api_still_answers(api: APIClient, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    for method, path, operation in operations():
        answer = request(quiet(api), method, re.sub(r"\{\w+\}", str(uuid4()), path), operation)
        assert answer.status_code != 500, f"{method} {path}"


def test_a_customer_can_log_in_and_read_on_a_read_only_database_or_is_told_why(api: APIClient) -> None:
    order_id = place(api)
    with hostile_defaults({"default_transaction_read_only": "on"}):
        assert quiet(api).get(f"{ORDERS}/{order_id}").status_code == 200
        login = quiet(APIClient()).post(
            "/api/v1/auth/login", {"username": "ada", "password": "secret-1"}, format="json"
        )
        problem(login, 503, "read_only")


def test_staff_are_told_on_a_page_that_nothing_can_be_changed_now(log_in: Callable[..., Client]) -> None:
    staff = quiet(log_in(BACK_OFFICE))
    order_id = place(client_of(make_customer()))
    with hostile_defaults({"default_transaction_read_only": "on"}):
        assert staff.get("/admin/").status_code == 200
        assert staff.get("/admin/projections/stafforder/").status_code == 200
        assert staff.get(f"/admin/projections/stafforder/{order_id}/change/").status_code == 200
        refused = staff.post("/admin/logout/")
    assert (refused.status_code, refused["Retry-After"]) == (503, "60")
    assert "Nothing can be changed now" in refused.content.decode()
