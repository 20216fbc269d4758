"""What every request does: check the connection, look up the token's owner, parse the body."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from ordersite.models import User
from tests.support.api import BODY, ORDERS, place, problem, send
from tests.support.site import client_of
from tests.support.statements import sent


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The statements that PostgreSQL receives from now on."""
    with sent() as statements:
        yield statements


# --- the connection ---------------------------------------------------------------------------------------------------


def last_statement(pid: int) -> str:
    with psycopg.connect(**_where()) as other:
        row = other.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone()
    return str(row[0]) if row else ""


def _where() -> dict[str, Any]:
    params = connection.get_connection_params()
    return {name: params[name] for name in ("dbname", "user", "password", "host", "port") if name in params}


@pytest.mark.django_db(transaction=True)
def test_a_quiet_connection_is_not_checked_by_a_statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'mine'")
    assert connection.is_usable()
    assert last_statement(connection.connection.info.backend_pid) == "SELECT 'mine'"


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_closed_is_not_usable() -> None:
    connection.ensure_connection()
    with psycopg.connect(**_where(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.connection.info.backend_pid,))
    assert not connection.is_usable()
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_connection_with_errors_is_checked_by_a_statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'mine'")
    connection.errors_occurred = True
    assert connection.is_usable()
    assert last_statement(connection.connection.info.backend_pid) == "SHOW transaction_read_only"


def test_a_request_after_the_server_closed_the_connection_gets_a_new_one(api: APIClient) -> None:
    assert api.get(ORDERS).status_code == 200
    with psycopg.connect(**_where(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.connection.info.backend_pid,))
    connection.close_if_unusable_or_obsolete()  # as at the end of each request: the next request checks again
    assert api.get(ORDERS).status_code == 200


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_the_owner_of_a_token_is_looked_up_by_one_statement(api: APIClient, statements: list[str]) -> None:
    assert api.get("/api/v1/nothing").status_code == 404
    assert statements == []
    send(api, ORDERS, {})
    assert ["knox_authtoken" in each for each in statements] == [True]


def changed_password(user: User, password: str) -> None:
    user.set_password(password)
    user.save()


ENDS: dict[str, Callable[[User], object]] = {
    "its row is deleted": lambda user: connection.cursor().execute("DELETE FROM knox_authtoken"),
    "it expires": lambda user: AuthToken.objects.update(expiry=timezone.now()),
    "its owner has a new password": lambda user: changed_password(user, "another-secret-1"),
    "its owner is deactivated": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "its owner is deleted": lambda user: user.delete(),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_revoked_token_fails_at_once(api: APIClient, ada: User, end: str) -> None:
    order = f"{ORDERS}/{place(api)}"
    assert [api.get(order).status_code for _ in range(2)] == [200, 200]
    ENDS[end](ada)
    problem(api.get(order), 401, "authentication_failed")
    problem(send(api, ORDERS, BODY), 401, "authentication_failed")


def test_an_expired_token_is_deleted_when_used_or_at_the_next_log_in(api: APIClient, ada: User) -> None:
    other = client_of(ada)
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    problem(api.get(ORDERS), 401, "authentication_failed")
    assert AuthToken.objects.count() == 1
    logged_in = other.post("/api/v1/auth/login", {"username": "ada", "password": "secret-1"}, format="json")
    problem(other.get(ORDERS), 401, "authentication_failed")
    token = AuthToken.objects.get()
    assert token.expiry > timezone.now()
    other.credentials(HTTP_AUTHORIZATION=f"token {logged_in.json()['token']}")
    assert other.get(ORDERS).status_code == 200, "the scheme's name is case-insensitive"


@pytest.mark.parametrize("token", ["f" * 64, "short", "\xff" * 20, "f" * 63 + "\0"])
def test_an_unknown_token_is_refused(api: APIClient, token: str) -> None:
    stranger = APIClient()
    stranger.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    problem(stranger.get(ORDERS), 401, "authentication_failed")


# --- bodies -----------------------------------------------------------------------------------------------------------


def test_a_body_is_parsed_independently_of_earlier_requests(api: APIClient) -> None:
    first = send(api, ORDERS, BODY | {"country": "France", "shipping_address": "1, rue Ada"}).json()["order_id"]
    problem(send(api, ORDERS, BODY | {"country": 7 * ["x"]}), 400, "invalid")
    bare = {"currency": "GBP", "lines": BODY["lines"][:1]}
    second = send(api, ORDERS, bare).json()["order_id"]
    shown = [api.get(f"{ORDERS}/{order_id}").json() for order_id in (first, second)]
    assert [(order["country"], order["shipping_address"], len(order["lines"])) for order in shown] == [
        ("France", "1, rue Ada", 2),
        ("", "", 1),
    ]
