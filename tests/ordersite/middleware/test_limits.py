"""How much and how often a client may ask, and how it is told."""

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
from ordersite.api.orders import Orders
from ordersite.checks import rates_can_be_read
from ordersite.middleware import request_limits
from ordersite.middleware.rate_limits import address_of, parse_rate
from ordersite.models import User
from tests.support.api import BODY, ORDERS, place, problem, send
from tests.support.site import client_of, make_customer

LOGIN = "/api/v1/auth/login"
MEMBER = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')


def left(answer: Any) -> dict[str, int]:
    """What `RateLimit` says is left, by policy."""
    return {name: int(rest) for name, rest, _ in MEMBER.findall(answer["RateLimit"])}


@pytest.fixture
def rates(settings: Any) -> Any:
    settings.API_RATE_USER, settings.API_RATE_ADDRESS, settings.LOGIN_RATE = "5/min", "100/min", "3/min"
    return settings


# --- how often --------------------------------------------------------------------------------------------------------


def test_each_answer_says_what_is_allowed_and_what_is_left(api: APIClient, rates: Any) -> None:
    first, second = api.get(ORDERS), api.get(ORDERS)
    assert first["RateLimit-Policy"] == '"user";q=5;w=60, "address";q=100;w=60'
    assert re.fullmatch(r'"user";r=4;t=(60|59), "address";r=99;t=(60|59)', first["RateLimit"])
    assert left(second) == {"user": 3, "address": 98}


def test_too_many_are_refused_and_told_when_to_come_back(api: APIClient, rates: Any) -> None:
    answers = [api.get(ORDERS) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    problem(answers[-1], 429, "throttled")
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert left(answers[-1])["user"] == 0
    problem(send(api, ORDERS, BODY), 429, "throttled")
    rates.API_RATE_USER = "20/min"
    assert api.get(ORDERS).json()["results"] == [], "what was refused was not done"


def test_a_window_that_is_over_is_forgotten(api: APIClient, rates: Any) -> None:
    assert [api.get(ORDERS).status_code for _ in range(6)][-1] == 429
    for key in valkey.client().scan_iter("ordersite:rate:user:*"):
        assert valkey.client().pttl(key) > 50_000, "else it would never be over"
        valkey.client().pexpire(key, 1)
    time.sleep(0.01)
    rates.API_RATE_USER = "6/min"
    assert left(api.get(ORDERS))["user"] == 5


def test_one_persons_tokens_are_counted_together_and_anothers_are_not(api: APIClient, ada: User, rates: Any) -> None:
    second = client_of(ada)
    for client in (api, second):  # whose a token is, is known once it has been used
        client.get(ORDERS)
    assert [client.get(ORDERS).status_code for client in (api, second, api, second)] == [200, 200, 200, 429]
    assert client_of(make_customer("bea")).get(ORDERS).status_code == 200


def test_a_token_that_is_revoked_counts_for_nobody(api: APIClient, ada: User, rates: Any) -> None:
    revoked = client_of(ada)
    revoked.get(ORDERS)
    revoked.post("/api/v1/auth/logout")
    problem(revoked.get(ORDERS), 401, "authentication_failed")
    assert "user" not in left(revoked.get(ORDERS))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", ORDERS, 401), ("get", "/api/v1/nothing", 404), ("post", LOGIN, 400), ("get", "/api/v1/schema", 200)],
)
def test_whoever_has_not_said_who_they_are_is_counted_by_address(
    projecting: None, rates: Any, method: str, path: str, status: int
) -> None:
    rates.API_RATE_ADDRESS = "2/min"
    ask = getattr(APIClient(), method)
    answers = [ask(path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 429]
    assert [left(answer)["address"] for answer in answers] == [1, 0, 0]
    problem(answers[-1], 429, "throttled")
    assert APIClient(REMOTE_ADDR="192.0.2.7").get("/api/v1/nothing").status_code == 404, "another address may"


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
def test_an_address_is_believed_as_far_as_the_proxies_are(
    monkeypatch: pytest.MonkeyPatch, proxies: int, forwarded: str, remote: str, address: str
) -> None:
    monkeypatch.setattr("rest_framework.throttling.api_settings.NUM_PROXIES", proxies)
    sent = {"X-Forwarded-For": forwarded} if forwarded else {}
    asked = APIRequestFactory().get("/", headers=sent, REMOTE_ADDR=remote)
    assert address_of(asked) == address


def test_where_nobody_can_count_requests_go_through_and_the_log_says_so(
    api: APIClient, rates: Any, caplog: Any
) -> None:
    rates.REDIS_URL = "redis://127.0.0.1:1/0"
    answers = [api.get(ORDERS) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0]
    assert "requests are not being counted" in caplog.text


def test_neither_names_nor_addresses_nor_tokens_stand_in_valkey(api: APIClient, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(username="zoë-quill")  # no digits of a hash spell it by chance
    api.get(ORDERS)
    APIClient().post(LOGIN, {"username": "zoë-quill", "password": "no"}, format="json")
    keys = b" ".join(valkey.client().scan_iter("ordersite:rate:*")).decode()
    assert {key.split(":")[2] for key in keys.split()} == {"address", "user", "token", "login", "account"}
    assert all(text not in keys for text in ("127.0.0.1", "quill"))


def attempt(name: Any, password: str, address: str) -> Any:
    return APIClient(REMOTE_ADDR=address).post(LOGIN, {"username": name, "password": password}, format="json")


def test_from_one_address_only_so_many_names_are_tried(ada: User, rates: Any) -> None:
    codes = [attempt(f"guess-{number}", "no", "192.0.2.1").status_code for number in range(4)]
    assert codes == [401, 401, 401, 429]
    assert attempt("ada", "secret-1", "192.0.2.2").status_code == 200


def test_one_account_is_not_guessed_from_many_addresses(ada: User, rates: Any) -> None:
    answers = [attempt(name, "no", f"192.0.2.{number}") for number, name in enumerate(("ada", "ADA", "ada", "Ada"))]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    problem(answers[-1], 429, "throttled")
    assert left(answers[-1])["account"] == 0
    assert int(answers[-1]["Retry-After"]) > 0
    assert attempt("bea", "no", "192.0.2.1").status_code == 401, "another account may be tried from there"


@pytest.mark.parametrize("names", [("ada", " ada", "ada\t", "\nADA  "), (1234, "1234", " 1234", 1234)])
def test_an_account_is_the_same_however_its_name_is_written(ada: User, rates: Any, names: tuple[Any, ...]) -> None:
    answers = [attempt(name, "no", f"192.0.2.{number}") for number, name in enumerate(names)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def admitted(name: str, password: str, address: str) -> bool | str:
    """Whether the back office lets somebody in; if it does not, why."""
    answer = Client(REMOTE_ADDR=address).post("/admin/login/", {"username": name, "password": password})
    return answer.headers.get("Location") == "/admin/" or str(answer.context["form"].non_field_errors())


@pytest.mark.django_db
def test_the_back_office_is_not_guessed_either_and_its_attempts_count_together_with_the_apis(rates: Any) -> None:
    User.objects.create_superuser("root", "root@example.org", "secret-1")
    assert attempt("root", "no", "192.0.2.9").status_code == 401
    for name in ("root", " Root"):
        assert "too many" not in str(admitted(name, "no", "192.0.2.1"))
    assert "too many attempts to log in: try again in" in str(admitted("root", "secret-1", "192.0.2.2"))
    assert attempt("root", "secret-1", "192.0.2.3").status_code == 429
    for number in range(2):
        admitted(f"guess-{number}", "no", "192.0.2.4")
    assert admitted("guess-3", "no", "192.0.2.4") != admitted("guess-4", "no", "192.0.2.4"), "nor from one address"
    rates.LOGIN_RATE = "9/min"
    assert admitted("root", "secret-1", "192.0.2.5") is True


def test_a_stolen_token_does_not_guess_the_password_from_many_addresses(ada: User, rates: Any) -> None:
    token = AuthToken.objects.create(ada)[1]
    codes = []
    for number in range(4):
        client = APIClient(REMOTE_ADDR=f"192.0.2.{number}", HTTP_AUTHORIZATION=f"Token {token}")
        codes.append(client.post("/api/v1/me/erasure", {"password": "no"}, format="json").status_code)
    assert codes == [403, 403, 403, 429]


def test_nobody_has_mail_sent_to_many_addresses(api: APIClient, rates: Any) -> None:
    bodies = [{"email": f"stranger-{number}@example.org"} for number in range(4)]
    codes = [api.patch("/api/v1/me/email", body, format="json").status_code for body in bodies]
    assert codes == [200, 200, 200, 429]


@pytest.mark.parametrize("rate", ["", "many", "5", "5/fortnight", "-1/min"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="no rate such as 600/min"):
        parse_rate("user", rate)


def test_a_rate_that_is_none_is_found_before_a_site_is_started(settings: Any) -> None:
    assert rates_can_be_read() == []
    settings.LOGIN_RATE = "often"
    assert [(error.id, "LOGIN_RATE" in error.msg) for error in rates_can_be_read()] == [("ordersite.E003", True)]


# --- how much ---------------------------------------------------------------------------------------------------------


def test_a_body_is_measured_by_what_it_announces(api: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    problem(send(api, ORDERS, BODY), 413, "body_too_large")
    problem(APIClient().post(ORDERS, "x" * 101, content_type="application/json"), 413, "body_too_large")
    chunked = api.post(ORDERS, data=None, headers={"Transfer-Encoding": "chunked", "Idempotency-Key": "k"})
    problem(chunked, 411, "length_required")


def test_an_address_and_headers_have_an_end(api: APIClient) -> None:
    problem(api.get(ORDERS, {"sku": "x" * request_limits.LONGEST_URL}), 414, "url_too_long")
    problem(api.get(ORDERS, headers={"X-More": "x" * request_limits.LARGEST_HEADERS}), 431, "headers_too_large")
    page = Client().get("/admin/", {"q": "x" * request_limits.LONGEST_URL})
    assert (page.status_code, page["Content-Type"]) == (414, "text/html; charset=utf-8")


def test_more_parameters_than_anybody_needs_are_a_problem(api: APIClient) -> None:
    problem(api.get(f"{ORDERS}?{'a&' * 1001}"), 400, "bad_request")


def test_what_a_get_does_not_know_is_refused_by_name_at_every_address(api: APIClient) -> None:
    schema = api.get("/api/v1/schema", {"format": "json"}).json()
    asked = 0
    for path, methods in schema["paths"].items():
        if "get" in methods:
            answer = api.get(re.sub(r"{\w+}", str(uuid4()), path), {"colour": "red"})
            if "/back-office/" in path:
                problem(answer, 404, "not_found")  # to a customer it is not even there
                continue
            assert [error["field"] for error in problem(answer, 400, "invalid")["errors"]] == ["colour"], path
            asked += 1
    assert asked >= 4


def test_a_parameter_is_sent_once_and_holds_no_null_character(api: APIClient) -> None:
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
def test_a_cursor_that_somebody_made_up_is_refused(api: APIClient, position: str) -> None:
    cursor = b64encode(position.encode()).decode()
    for path in (ORDERS, "/api/v1/account/movements"):
        problem(api.get(path, {"cursor": cursor}), 400, "invalid")
    url = "https://127.0.0.1:1/"
    endpoint = api.post("/api/v1/webhook-endpoints", {"url": url}, format="json").json()["id"]
    problem(api.get(f"/api/v1/webhook-endpoints/{endpoint}/deliveries", {"cursor": cursor}), 400, "invalid")


def failing(*anything: Any, **more: Any) -> Any:
    raise ZeroDivisionError("nobody foresaw this")


def test_every_kind_of_answer_names_its_request(api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert "RateLimit" in answers[status], f"{status} says what is left"


def test_a_redirect_to_tls_names_its_request_too(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get(ORDERS)
    assert (answer.status_code, bool(answer["X-Request-ID"])) == (301, True)


def test_a_method_that_an_address_does_not_have_is_refused_with_those_that_it_has(api: APIClient) -> None:
    order = f"{ORDERS}/{place(api)}"
    for path, allowed in (
        (ORDERS, {"GET", "HEAD", "POST"}),
        (order, {"GET", "HEAD"}),
        (f"{order}/cancel", {"POST"}),
    ):
        refused = api.put(path, {}, format="json")
        problem(refused, 405, "method_not_allowed")
        assert set(refused["Allow"].split(", ")) == allowed | {"OPTIONS"}


def test_what_cannot_be_answered_or_read_is_refused_as_a_problem(api: APIClient) -> None:
    problem(api.get(ORDERS, headers={"Accept": "text/html"}), 406, "not_acceptable")
    wrong = api.post(ORDERS, "<order/>", content_type="application/xml", headers={"Idempotency-Key": "k"})
    problem(wrong, 415, "unsupported_media_type")


def test_head_is_get_without_a_body_and_options_tells_the_methods(api: APIClient) -> None:
    order = f"{ORDERS}/{place(api)}"
    got, head = api.get(order), api.head(order)
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", got["ETag"])
    options = api.options(ORDERS)
    assert (options.status_code, options.json()["schema"]) == (200, "/api/v1/schema")
    assert options["Allow"] == ", ".join(options.json()["methods"]) == "GET, POST, HEAD, OPTIONS"


def test_the_schema_tells_of_the_headers_and_the_limits_of_every_operation(api: APIClient) -> None:
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
