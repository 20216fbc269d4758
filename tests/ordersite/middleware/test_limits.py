"""Limits on the rate and size of requests, and headers that every answer carries."""

import re
import time
from base64 import b64encode
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient, APIRequestFactory

from eventstore.wakeups import valkey
from orders.http.client_address import address_of
from ordersite.api.orders import Orders
from ordersite.checks import rates_are_valid
from ordersite.middleware import request_limits
from ordersite.middleware.rate_limits import parse_rate
from ordersite.models import User
from tests.support.api import BODY, ORDERS, place, problem, send
from tests.support.site import client_of, make_customer

LOGIN = "/api/v1/auth/login"
MEMBER = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')


def left(answer: Any) -> dict[str, int]:
    """Parse from `RateLimit` what is left, by policy."""
    return {name: int(rest) for name, rest, _ in MEMBER.findall(answer["RateLimit"])}


@pytest.fixture
def rates(settings: Any) -> Any:
    settings.API_RATE_USER, settings.API_RATE_ADDRESS, settings.LOGIN_RATE = "5/min", "100/min", "3/min"
    return settings


# --- rates ------------------------------------------------------------------------------------------------------------


def test_each_answer_states_the_limits_and_what_is_left(api: APIClient, rates: Any) -> None:
    first, second = api.get(ORDERS), api.get(ORDERS)
    assert first["RateLimit-Policy"] == '"user";q=5;w=60, "address";q=100;w=60'
    assert re.fullmatch(r'"user";r=4;t=(60|59), "address";r=99;t=(60|59)', first["RateLimit"])
    assert left(second) == {"user": 3, "address": 98}


def test_requests_over_the_limit_are_refused_with_retry_after(api: APIClient, rates: Any) -> None:
    answers = [api.get(ORDERS) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    problem(answers[-1], 429, "throttled")
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert left(answers[-1])["user"] == 0
    problem(send(api, ORDERS, BODY), 429, "throttled")
    rates.API_RATE_USER = "20/min"
    assert api.get(ORDERS).json()["results"] == [], "the refused command was not executed"


def test_a_new_window_starts_after_the_old_one(api: APIClient, rates: Any) -> None:
    assert [api.get(ORDERS).status_code for _ in range(6)][-1] == 429
    for key in valkey.client().scan_iter("ordersite:rate:user:*"):
        assert valkey.client().pttl(key) > 50_000, "the window must end"
        valkey.client().pexpire(key, 1)
    time.sleep(0.01)
    rates.API_RATE_USER = "6/min"
    assert left(api.get(ORDERS))["user"] == 5


def test_tokens_are_counted_by_user(api: APIClient, ada: User, rates: Any) -> None:
    second = client_of(ada)
    for client in (api, second):  # the owner of a token is known after its first request
        client.get(ORDERS)
    assert [client.get(ORDERS).status_code for client in (api, second, api, second)] == [200, 200, 200, 429]
    assert client_of(make_customer("bea")).get(ORDERS).status_code == 200


def test_a_revoked_token_counts_for_no_user(api: APIClient, ada: User, rates: Any) -> None:
    revoked = client_of(ada)
    revoked.get(ORDERS)
    revoked.post("/api/v1/auth/logout")
    problem(revoked.get(ORDERS), 401, "authentication_failed")
    assert "user" not in left(revoked.get(ORDERS))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", ORDERS, 401), ("get", "/api/v1/nothing", 404), ("post", LOGIN, 400), ("get", "/api/v1/schema", 200)],
)
def test_anonymous_requests_are_counted_by_address(
    projecting: None, rates: Any, method: str, path: str, status: int
) -> None:
    rates.API_RATE_ADDRESS = "2/min"
    ask = getattr(APIClient(), method)
    answers = [ask(path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 429]
    assert [left(answer)["address"] for answer in answers] == [1, 0, 0]
    problem(answers[-1], 429, "throttled")
    assert APIClient(REMOTE_ADDR="192.0.2.7").get("/api/v1/nothing").status_code == 404, (
        "another address has its own limit"
    )


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "address"),
    [
        (0, "192.0.2.1", "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (2, "198.51.100.1, 192.0.2.1, 192.0.2.2", "203.0.113.9", "192.0.2.1"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (0, "", "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "no address", "203.0.113.9", "no address"),
    ],
)
def test_forwarded_addresses_are_trusted_for_the_configured_proxies(
    monkeypatch: pytest.MonkeyPatch, proxies: int, forwarded: str, remote: str, address: str
) -> None:
    monkeypatch.setattr("rest_framework.throttling.api_settings.NUM_PROXIES", proxies)
    sent = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = APIRequestFactory().get("/", headers=sent, REMOTE_ADDR=remote)
    assert address_of(request) == address


def test_without_valkey_requests_go_through_with_a_warning(api: APIClient, rates: Any, caplog: Any) -> None:
    rates.REDIS_URL = "redis://127.0.0.1:1/0"
    answers = [api.get(ORDERS) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0]
    assert "requests are not counted" in caplog.text


def test_valkey_holds_no_names_addresses_or_tokens(api: APIClient, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(username="zoë-quill")  # cannot occur in a hash by chance
    api.get(ORDERS)
    APIClient().post(LOGIN, {"username": "zoë-quill", "password": "no"}, format="json")
    keys = b" ".join(valkey.client().scan_iter("ordersite:rate:*")).decode()
    assert {key.split(":")[2] for key in keys.split()} == {"address", "user", "token", "login", "account"}
    assert all(text not in keys for text in ("127.0.0.1", "quill"))


def attempt(name: Any, password: str, address: str) -> Any:
    return APIClient(REMOTE_ADDR=address).post(LOGIN, {"username": name, "password": password}, format="json")


def test_log_ins_are_limited_by_address(ada: User, rates: Any) -> None:
    codes = [attempt(f"guess-{number}", "no", "192.0.2.1").status_code for number in range(4)]
    assert codes == [401, 401, 401, 429]
    assert attempt("ada", "secret-1", "192.0.2.2").status_code == 200


def test_log_ins_are_limited_by_account_name(ada: User, rates: Any) -> None:
    answers = [attempt(name, "no", f"192.0.2.{number}") for number, name in enumerate(("ada", "ADA", "ada", "Ada"))]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    problem(answers[-1], 429, "throttled")
    assert left(answers[-1])["account"] == 0
    assert int(answers[-1]["Retry-After"]) > 0
    assert attempt("bea", "no", "192.0.2.1").status_code == 401, "another account has its own limit"


@pytest.mark.parametrize("names", [("ada", " ada", "ada\t", "\nADA  "), ("1234", " 1234", "1234\t", "1234")])
def test_spelling_variants_count_as_one_account_name(ada: User, rates: Any, names: tuple[Any, ...]) -> None:
    answers = [attempt(name, "no", f"192.0.2.{number}") for number, name in enumerate(names)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def log_in_to_admin(name: str, password: str, address: str) -> bool | str:
    """Log in to the admin: return True, or the error text."""
    answer = Client(REMOTE_ADDR=address).post("/admin/login/", {"username": name, "password": password})
    return answer.headers.get("Location") == "/admin/" or str(answer.context["form"].non_field_errors())


@pytest.mark.django_db
def test_log_ins_of_the_admin_and_the_api_are_counted_together(rates: Any) -> None:
    User.objects.create_superuser("root", "root@example.org", "secret-1")
    assert attempt("root", "no", "192.0.2.9").status_code == 401
    for name in ("root", " Root"):
        assert "too many" not in str(log_in_to_admin(name, "no", "192.0.2.1"))
    assert "too many attempts to log in: try again in" in str(log_in_to_admin("root", "secret-1", "192.0.2.2"))
    assert attempt("root", "secret-1", "192.0.2.3").status_code == 429
    for number in range(2):
        log_in_to_admin(f"guess-{number}", "no", "192.0.2.4")
    assert log_in_to_admin("guess-3", "no", "192.0.2.4") != log_in_to_admin("guess-4", "no", "192.0.2.4"), (
        "limited by address too"
    )
    rates.LOGIN_RATE = "9/min"
    assert log_in_to_admin("root", "secret-1", "192.0.2.5") is True


def test_password_checks_with_a_token_are_limited_by_account(ada: User, rates: Any) -> None:
    token = AuthToken.objects.create(ada)[1]
    codes = []
    for number in range(4):
        client = APIClient(REMOTE_ADDR=f"192.0.2.{number}", HTTP_AUTHORIZATION=f"Token {token}")
        codes.append(client.post("/api/v1/me/erasure", {"password": "no"}, format="json").status_code)
    assert codes == [403, 403, 403, 429]


def test_mails_to_new_addresses_are_limited(api: APIClient, rates: Any) -> None:
    bodies = [{"email": f"stranger-{number}@example.org"} for number in range(4)]
    codes = [api.patch("/api/v1/me/email", body, format="json").status_code for body in bodies]
    assert codes == [200, 200, 200, 429]


@pytest.mark.django_db(transaction=True)
def test_registrations_from_an_address_are_limited_with_their_mails(rates: Any) -> None:
    codes = []
    for number in range(4):
        person = {"name": "Ada", "email": f"ada-{number}@example.org", "password": "seven-brass-lanterns"}
        codes.append(APIClient().post("/api/v1/auth/register", person, format="json").status_code)
    assert codes == [201, 201, 201, 429]


@pytest.mark.parametrize("rate", ["", "many", "5", "5/fortnight", "-1/min"])
def test_an_invalid_rate_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="not a rate such as 600/min"):
        parse_rate("user", rate)


def test_an_invalid_rate_is_found_by_the_system_check(settings: Any) -> None:
    assert rates_are_valid() == []
    settings.LOGIN_RATE = "often"
    assert [(error.id, "LOGIN_RATE" in error.msg) for error in rates_are_valid()] == [("ordersite.E003", True)]


# --- sizes and parameters ---------------------------------------------------------------------------------------------


def test_a_body_is_refused_by_its_announced_length(api: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    problem(send(api, ORDERS, BODY), 413, "body_too_large")
    problem(APIClient().post(ORDERS, "x" * 101, content_type="application/json"), 413, "body_too_large")
    chunked = api.post(ORDERS, data=None, headers={"Transfer-Encoding": "chunked", "Idempotency-Key": "k"})
    problem(chunked, 411, "length_required")


def test_url_and_headers_have_a_limit(api: APIClient) -> None:
    problem(api.get(ORDERS, {"sku": "x" * request_limits.LONGEST_URL}), 414, "url_too_long")
    problem(api.get(ORDERS, headers={"X-More": "x" * request_limits.LARGEST_HEADERS}), 431, "headers_too_large")
    page = Client().get("/admin/", {"q": "x" * request_limits.LONGEST_URL})
    assert (page.status_code, page["Content-Type"]) == (414, "text/html; charset=utf-8")


def test_too_many_parameters_are_a_problem(api: APIClient) -> None:
    problem(api.get(f"{ORDERS}?{'a&' * 3001}"), 400, "bad_request")


def test_unknown_parameters_are_refused_by_name_on_every_get(api: APIClient) -> None:
    schema = api.get("/api/v1/schema", {"format": "json"}).json()
    checked = 0
    for path, methods in schema["paths"].items():
        if "get" in methods:
            answer = api.get(re.sub(r"{\w+}", str(uuid4()), path), {"colour": "red"})
            if "/back-office/" in path:
                problem(answer, 404, "not_found")  # for a customer it does not exist
                continue
            assert [error["field"] for error in problem(answer, 400, "invalid")["errors"]] == ["colour"], path
            checked += 1
    assert checked >= 4


def test_repeated_parameters_and_null_characters_are_refused(api: APIClient) -> None:
    for query, words in (
        ("sku=A&sku=B", "Send this parameter only once."),
        ("sku=A%00", "Null characters are not allowed."),
    ):
        refused = problem(api.get(f"{ORDERS}?{query}"), 400, "invalid")
        assert [(error["field"], error["message"]) for error in refused["errors"]] == [("sku", words)]


# --- every answer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "position", ["p=abc", "p=", "p=5" + "0" * 30, "p=2020-01-01", "p=%00", "p=10000-01-01T00:00:00Z"]
)
def test_a_forged_cursor_is_refused(api: APIClient, position: str) -> None:
    cursor = b64encode(position.encode()).decode()
    for path in (ORDERS, "/api/v1/account/movements"):
        problem(api.get(path, {"cursor": cursor}), 400, "invalid")
    url = "https://127.0.0.1:1/"
    endpoint = api.post("/api/v1/webhook-endpoints", {"url": url}, format="json").json()["id"]
    problem(api.get(f"/api/v1/webhook-endpoints/{endpoint}/deliveries", {"cursor": cursor}), 400, "invalid")


def failing(*args: Any, **kwargs: Any) -> Any:
    raise ZeroDivisionError("unexpected")


def test_every_kind_of_answer_has_a_request_id(api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    order = f"{ORDERS}/{place(api)}"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    api.raise_request_exception = False
    answers = {
        200: api.get(order),
        301: api.get("/admin"),
        302: api.get("/admin/"),
        304: api.get(order, headers={"If-None-Match": api.get(order)["ETag"]}),
        400: api.get(order, headers={"Host": "elsewhere.example"}),
        401: APIClient().get(order),
        404: api.get("/api/v1/nothing"),
        405: api.delete(order),
        413: api.post(ORDERS, "x" * 1001, content_type="application/json"),
        415: api.post(ORDERS, "x", content_type="text/plain", headers={"Idempotency-Key": "k"}),
    }
    settings.API_RATE_ADDRESS = "1/min"
    answers[429] = api.get(order)
    settings.API_RATE_ADDRESS = "1000/min"
    monkeypatch.setattr(Orders, "get", failing)
    answers[500] = api.get(ORDERS)
    for status, answer in answers.items():
        assert (answer.status_code, bool(answer["X-Request-ID"])) == (status, True)
    assert len({answer["X-Request-ID"] for answer in answers.values()}) == len(answers)
    for path in ("/static/ordersite/icon.svg", "/nothing", "/healthz", "/metrics", "/favicon.ico"):
        assert Client().get(path, headers={"X-Request-ID": "mine-7"})["X-Request-ID"] == "mine-7", path
    problem(answers[500], 500, "internal_error")
    for status in (200, 304, 401, 404, 405, 413, 415, 429, 500):
        assert "RateLimit" in answers[status], f"{status} has RateLimit"


def test_a_redirect_to_tls_has_a_request_id(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get(ORDERS)
    assert (answer.status_code, bool(answer["X-Request-ID"])) == (301, True)


def test_a_wrong_method_is_refused_with_the_allowed_ones(api: APIClient) -> None:
    order = f"{ORDERS}/{place(api)}"
    for path, allowed in (
        (ORDERS, {"GET", "HEAD", "POST"}),
        (order, {"GET", "HEAD"}),
        (f"{order}/cancel", {"POST"}),
    ):
        refused = api.put(path, {}, format="json")
        problem(refused, 405, "method_not_allowed")
        assert set(refused["Allow"].split(", ")) == allowed | {"OPTIONS"}


def test_wrong_media_types_are_problems(api: APIClient) -> None:
    problem(api.get(ORDERS, headers={"Accept": "text/html"}), 406, "not_acceptable")
    wrong = api.post(ORDERS, "<order/>", content_type="application/xml", headers={"Idempotency-Key": "k"})
    problem(wrong, 415, "unsupported_media_type")


def test_head_is_get_without_a_body_and_options_lists_the_methods(api: APIClient) -> None:
    order = f"{ORDERS}/{place(api)}"
    got, head = api.get(order), api.head(order)
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", got["ETag"])
    options = api.options(ORDERS)
    assert (options.status_code, options.json()["schema"]) == (200, "/api/v1/schema")
    assert options["Allow"] == ", ".join(options.json()["methods"]) == "GET, POST, HEAD, OPTIONS"


def test_the_schema_describes_headers_and_limits_of_every_operation(api: APIClient) -> None:
    schema = api.get("/api/v1/schema", {"format": "json"}).json()
    operations = [operation for methods in schema["paths"].values() for operation in methods.values()]
    assert len(operations) >= 8
    for operation in operations:
        assert {"$ref": "#/components/parameters/AcceptLanguage"} in operation["parameters"]
        assert operation["responses"]["429"] == {"$ref": "#/components/responses/TooManyRequests"}
        for status, response in operation["responses"].items():
            shared = schema["components"]["responses"].get(response.get("$ref", "").rpartition("/")[2])
            headers = set((shared or response)["headers"])
            assert {"X-Request-ID", "RateLimit", "Content-Language"} <= headers, (operation["operationId"], status)
    assert "Retry-After" in schema["components"]["responses"]["TooManyRequests"]["headers"]
