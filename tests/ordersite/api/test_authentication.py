"""The Authorization header: `Bearer` and `Token` are taken, and anything else is told what to send."""

from typing import Any

import pytest
from knox.models import AuthToken
from rest_framework.test import APIClient

from ordersite.models import User
from projections.customer.api.orders import GetOwnOrder
from tests.support.api import ORDERS, place, problem


@pytest.fixture
def token(ada: User) -> str:
    return str(AuthToken.objects.create(ada)[1])


def with_header(header: str, path: str = "/api/v1/me") -> Any:
    return APIClient().get(path, headers={"Authorization": header})


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Token", "token"])
def test_a_token_is_taken_under_both_words(token: str, scheme: str) -> None:
    assert with_header(f"{scheme} {token}").status_code == 200
    assert with_header(f"  {scheme}   {token} ").status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "Token"])
def test_a_cached_order_is_answered_under_both_words(
    api: APIClient, token: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{ORDERS}/{place(api)}"
    assert api.get(path).status_code == 200
    monkeypatch.delattr(GetOwnOrder, "get")  # only the cache can answer now
    assert with_header(f"{scheme} {token}", path).status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer", "Token ", "Basic YTpi", "{token}", "Bearer {token} {token}", "Bearer, {token}"]
)
def test_another_header_is_told_what_to_send(token: str, header: str) -> None:
    refused = with_header(header.format(token=token))
    assert "Authorization: Bearer …" in problem(refused, 401, "authorization_malformed")["detail"]
    assert refused["WWW-Authenticate"] == "Bearer"


def test_a_request_without_the_header_is_told_so(db: None) -> None:
    for answer in (APIClient().get("/api/v1/me"), with_header("")):
        problem(answer, 401, "not_authenticated")
        assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer unknown", "Token é", "Bearer \udcff".encode(errors="replace").decode()])
def test_an_unknown_token_is_refused(db: None, header: str) -> None:
    problem(with_header(header), 401, "authentication_failed")
