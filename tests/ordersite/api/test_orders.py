"""The customer API: placing, paying, reading and cancelling orders."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from structlog.contextvars import get_contextvars

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from eventstore.models import Event
from orders.commands import ShipOrder
from ordersite.models import User
from projections.customer.orders import CustomerOrder
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import rebuild
from tests.support.api import BODY, ORDERS, PAYMENT, place, problem, send
from tests.support.orders import new_order, pay
from tests.support.site import client_of, make_customer


def test_a_customer_places_pays_and_reads_an_order(api: APIClient, ada: User) -> None:
    placed = send(api, ORDERS, BODY)
    assert placed.status_code == 201
    order_id = placed.json()["order_id"]
    assert placed.json() == {"order_id": order_id, "version": 1}
    assert (placed["Location"], placed["ETag"]) == (f"{ORDERS}/{order_id}", '"1"')
    paid = send(api, f"{ORDERS}/{order_id}/payments", PAYMENT)
    assert (paid.status_code, paid.json()["version"]) == (200, 2)
    order = api.get(f"{ORDERS}/{order_id}", {"min_version": 2})
    assert order["ETag"].startswith('"2.')
    shown = order.json()
    assert (shown["status"], shown["payment"], shown["fulfilment"], shown["return"]) == (
        "open", "paid", "unfulfilled", "none"
    )  # fmt: skip
    assert (shown["version"], shown["reference"]) == (2, "PO-7")
    assert (shown["total"], shown["paid"], shown["due"], shown["due_back"]) == ("22.50", "22.50", "0.00", "0.00")
    assert [(line["line_id"], line["sku"], line["amount"]) for line in shown["lines"]] == [
        (1, "MUG", "15.00"),
        (2, "MUG", "7.50"),
    ]
    first = store.read_stream(UUID(order_id))[0]
    assert (first.event.customer_id, first.event.customer_name) == (ada.customer_id, "Ada Whitfield")
    assert first.metadata.actor == f"customer:{ada.customer_id}"


def test_a_customer_cancels_a_paid_order_and_sees_the_amount_due_back(api: APIClient) -> None:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT)
    assert send(api, f"{ORDERS}/{order_id}/cancel", {"reason": "Too late"}).json()["version"] == 3
    shown = api.get(f"{ORDERS}/{order_id}").json()
    assert (shown["status"], shown["payment"]) == ("cancelled", "overcharged")
    assert (shown["due"], shown["due_back"]) == ("0.00", "22.50")


def test_amounts_have_their_currencys_own_decimals(api: APIClient) -> None:
    yen = BODY | {"currency": "JPY", "lines": [{"sku": "A", "name": "A", "quantity": 1, "unit_price": "1500"}]}
    order_id = send(api, ORDERS, yen).json()["order_id"]
    assert api.get(f"{ORDERS}/{order_id}").json()["total"] == "1500"


def test_a_repeat_gets_the_same_answer_and_a_replayed_header(api: APIClient) -> None:
    first, again = send(api, ORDERS, BODY, "key-1"), send(api, ORDERS, BODY, "key-1")
    assert (again.status_code, again.content, again["Location"]) == (201, first.content, first["Location"])
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert Event.objects.count() == 1


def test_a_repeat_of_an_older_command_gets_its_own_answer(api: APIClient) -> None:
    order_id = place(api)
    path = f"{ORDERS}/{order_id}/payments"
    send(api, path, PAYMENT, "pay-1")
    send(api, f"{ORDERS}/{order_id}/cancel", {"reason": "no"})
    assert send(api, path, PAYMENT, "pay-1").json()["version"] == 2


@pytest.mark.parametrize("path", ["", "/{id}/payments", "/{id}/cancel"])
def test_without_an_idempotency_key_nothing_is_changed(api: APIClient, path: str) -> None:
    order_id = place(api)
    response = send(api, ORDERS + path.format(id=order_id), {"": BODY}.get(path, PAYMENT), key="")
    if path.endswith("cancel"):
        response = send(api, ORDERS + path.format(id=order_id), {"reason": "no"}, key="")
    problem(response, 400, "idempotency_key_missing")
    assert Event.objects.count() == 1


def test_a_key_used_for_another_request_is_refused(api: APIClient) -> None:
    send(api, ORDERS, BODY, "key-1")
    refused = problem(send(api, ORDERS, BODY | {"reference": "PO-8"}, "key-1"), 422, "idempotency_key_reused")
    assert refused["title"] == "Unprocessable Content", "the name of RFC 9110 in every Python version"
    problem(send(api, f"{ORDERS}/{place(api)}/payments", PAYMENT, "key-1"), 422, "idempotency_key_reused")


def test_a_repeat_is_recognised_after_the_customer_changed_their_name(api: APIClient, ada: User) -> None:
    first = send(api, ORDERS, BODY, "key-1")
    User.objects.filter(pk=ada.pk).update(last_name="Stone", email="stone@example.com")
    assert send(api, ORDERS, BODY, "key-1").content == first.content


def test_two_customers_may_use_the_same_key(api: APIClient) -> None:
    other = client_of(make_customer("bea"))
    ids = {send(client, ORDERS, BODY, "key-1").json()["order_id"] for client in (api, other)}
    assert len(ids) == 2


def test_another_customers_order_does_not_exist_for_any_request(api: APIClient) -> None:
    order_id, stranger = place(api), client_of(make_customer("bea"))
    path = f"{ORDERS}/{order_id}"
    for response in (
        stranger.get(path),
        stranger.get(path, {"min_version": 1}),
        stranger.get(path, {"min_version": 99}),
        send(stranger, f"{path}/payments", PAYMENT),
        send(stranger, f"{path}/cancel", {"reason": "mine now"}),
        send(stranger, f"{path}/cancel", {"reason": "mine now"}, **{"If-Match": '"1"'}),
        send(stranger, f"{path}/cancel", {"reason": "mine now"}, **{"If-Match": '"7"'}),
    ):
        body = problem(response, 404, "order_not_found")
        assert body["detail"] == f"there is no order {order_id}"
    assert stranger.get(ORDERS).json()["results"] == []
    assert Event.objects.count() == 1
    missing = stranger.get(f"{ORDERS}/{uuid4()}").json()
    assert set(missing) == set(body), "an order of another customer looks like one that does not exist"


def test_orders_are_paged_newest_first(api: APIClient) -> None:
    ids = [place(api) for _ in range(5)]
    seen: list[str] = []
    url: str | None = f"{ORDERS}?limit=2"
    while url:
        page = api.get(url).json()
        assert len(page["results"]) <= 2
        seen += [order["order_id"] for order in page["results"]]
        url = page["next"]
    assert seen == ids[::-1]


def test_min_version_waits_for_the_read_model(api: APIClient, settings: Any) -> None:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT)
    CustomerOrder.objects.filter(pk=order_id).update(version=1)  # the read model is behind
    settings.READ_WAIT_SECONDS = 0.05
    late = api.get(f"{ORDERS}/{order_id}", {"min_version": 2})
    problem(late, 503, "not_yet_visible")
    assert late["Retry-After"] == "1"


def test_a_version_that_appears_during_the_wait_is_answered(api: APIClient) -> None:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT)
    CustomerOrder.objects.filter(pk=order_id).update(version=1)  # the read model is behind

    def catch_up_later() -> None:
        try:
            CustomerOrder.objects.filter(pk=order_id).update(version=2)
        finally:
            connection.close()

    timer = threading.Timer(0.2, catch_up_later)
    timer.start()
    answer = api.get(f"{ORDERS}/{order_id}", {"min_version": 2})
    timer.join()
    assert (answer.status_code, answer.json()["version"]) == (200, 2)


def test_a_version_the_order_has_not_reached_is_not_waited_for(api: APIClient, settings: Any) -> None:
    settings.READ_WAIT_SECONDS = 60
    problem(api.get(f"{ORDERS}/{place(api)}", {"min_version": 7}), 503, "not_yet_visible")


@pytest.mark.parametrize("value", ["x", "-1", "1.5", ""])
def test_an_invalid_min_version_is_refused(api: APIClient, value: str) -> None:
    problem(api.get(f"{ORDERS}/{place(api)}", {"min_version": value}), 400, "invalid")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [{"sku": "A", "name": "A", "quantity": 0, "unit_price": "1"}]}, "lines.0.quantity"),
        ({"lines": [{"sku": "A", "name": "A", "quantity": 1, "unit_price": "-1"}]}, "lines.0.unit_price"),
        ({"lines": [{"sku": "A", "name": "A", "quantity": 1, "unit_price": "1", "colour": "red"}]}, "lines.0.colour"),
        ({"lines": "many"}, "lines"),
        ({"currency": "POUNDS"}, "currency"),
        ({"customer_id": str(uuid4())}, "customer_id"),
        ({"reference": "x" * 65}, "reference"),
        ({"country": "null\u0000byte"}, "country"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_of_a_body_are_reported_by_field(api: APIClient, change: dict[str, Any], field: str) -> None:
    body = problem(send(api, ORDERS, BODY | change), 400, "invalid")
    assert field in {error["field"] for error in body["errors"]}
    assert Event.objects.count() == 0


def test_a_body_that_is_not_json_is_a_problem(api: APIClient) -> None:
    answer = api.post(ORDERS, "{", content_type="application/json", headers={"Idempotency-Key": "k"})
    problem(answer, 400, "parse_error")
    answer = api.post(ORDERS, "a=1", content_type="application/x-www-form-urlencoded", headers={"Idempotency-Key": "k"})
    problem(answer, 415, "unsupported_media_type")
    problem(send(api, ORDERS, [BODY]), 400, "invalid")


def test_a_body_that_is_too_large_or_too_deep_is_a_problem(api: APIClient) -> None:
    key = {"Idempotency-Key": "k"}
    large = api.post(ORDERS, '{"x": "' + "y" * 3_000_000 + '"}', content_type="application/json", headers=key)
    assert problem(large, 413, "body_too_large")["title"] == "Content Too Large"
    deep = api.post("/api/v1/auth/login", "[" * 10_000, content_type="application/json", headers=key)
    problem(deep, 400, "parse_error")


def test_logging_in_works_without_valkey(ada: User, settings: Any, caplog: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    login = {"username": "ada", "password": "secret-1"}
    assert APIClient().post("/api/v1/auth/login", login, format="json").status_code == 200
    assert "requests are not counted" in caplog.text


def test_a_refusal_by_a_rule_has_its_code(api: APIClient) -> None:
    order_id = place(api)
    problem(send(api, f"{ORDERS}/{order_id}/payments", PAYMENT | {"amount": "1.00"}), 409, "amount_differs")
    problem(send(api, ORDERS, BODY | {"currency": "XXX"}), 409, "unknown_currency")
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT)
    dispatch(ShipOrder(order_id=UUID(order_id)), Context(actor="staff:anna"))
    problem(send(api, f"{ORDERS}/{order_id}/cancel", {"reason": "too late"}), 409, "not_cancellable")


def test_an_unchanged_order_is_answered_304_and_a_changed_one_200(api: APIClient) -> None:
    path = f"{ORDERS}/{send(api, ORDERS, BODY).json()['order_id']}"
    first = api.get(path)
    again = api.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    send(api, f"{path}/payments", PAYMENT, **{"If-Match": first["ETag"]})
    changed = api.get(path, headers={"If-None-Match": first["ETag"]})
    assert (changed.status_code, changed.json()["payment"]) == (200, "paid")
    assert changed["ETag"] != first["ETag"]


def test_a_repeated_get_comes_from_the_cache_and_only_for_its_owner(api: APIClient) -> None:
    order_id = UUID(send(api, ORDERS, BODY).json()["order_id"])
    path = f"{ORDERS}/{order_id}"
    first = api.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert api.get(path).json() == first.json()
    assert [query["sql"] for query in queries if "projections_customerorder" in query["sql"]] == []
    problem(client_of(make_customer("eve")).get(path), 404, "order_not_found")


def test_a_rebuild_that_changes_an_order_changes_its_etag(api: APIClient) -> None:
    path = f"{ORDERS}/{send(api, ORDERS, BODY).json()['order_id']}"
    CustomerOrder.objects.update(reference="wrong")
    wrong = api.get(path)
    assert wrong.json()["reference"] == "wrong"
    rebuild(PROJECTIONS["customer"])
    right = api.get(path, headers={"If-None-Match": wrong["ETag"]})
    assert (right.status_code, right.json()["reference"]) == (200, "PO-7")


def test_if_match_refuses_a_command_on_an_older_version(api: APIClient) -> None:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT, **{"If-Match": '"1"'})
    cancel = f"{ORDERS}/{order_id}/cancel"
    problem(send(api, cancel, {"reason": "no"}, **{"If-Match": '"1"'}), 412, "version_differs")
    problem(send(api, cancel, {"reason": "no"}, **{"If-Match": "two"}), 400, "if_match_malformed")
    problem(send(api, cancel, {"reason": "no"}, **{"If-Match": ""}), 428, "if_match_missing")
    assert send(api, cancel, {"reason": "no"}, **{"If-Match": '"2"'}).status_code == 200


def test_the_request_id_reaches_the_event_log_and_the_answer(api: APIClient) -> None:
    name = str(uuid4())
    placed = send(api, ORDERS, BODY, **{"X-Request-ID": name})
    assert placed["X-Request-ID"] == name
    fact = store.read_stream(UUID(placed.json()["order_id"]))[0]
    assert str(fact.metadata.correlation_id) == name
    assert send(api, ORDERS, BODY, **{"X-Request-ID": "mine-7"})["X-Request-ID"] == "mine-7"
    assert get_contextvars()["request_id"] == "mine-7", "Django logs a refusal after the answer, with this id"
    assert api.get(ORDERS)["X-Request-ID"]


def test_a_token_is_obtained_used_and_revoked(ada: User) -> None:
    client = APIClient()
    problem(
        client.post("/api/v1/auth/login", {"username": "ada", "password": "no"}, format="json"),
        401,
        "wrong_credentials",
    )
    token = client.post("/api/v1/auth/login", {"username": "ada", "password": "secret-1"}, format="json").json()
    assert token["expiry"]
    client.credentials(HTTP_AUTHORIZATION=f"Token {token['token']}")
    assert client.get(ORDERS).status_code == 200
    assert client.post("/api/v1/auth/logout").status_code == 204
    problem(client.get(ORDERS), 401, "authentication_failed")


def test_orders_need_a_token_of_a_customer(projecting: None) -> None:
    problem(APIClient().get(ORDERS), 401, "not_authenticated")
    staff = client_of(User.objects.create_user("anna", is_staff=True))
    for response in (staff.get(ORDERS), staff.get(f"{ORDERS}/{uuid4()}"), send(staff, ORDERS, BODY)):
        problem(response, 403, "not_a_customer")


def test_demo_accounts_cannot_log_in_if_the_settings_forbid_them(ada: User, settings: Any) -> None:
    User.objects.update(is_demo=True)
    client = client_of(ada)
    assert client.get(ORDERS).status_code == 200
    settings.DEMO_ACCOUNTS = False
    problem(client.get(ORDERS), 401, "authentication_failed")
    login = {"username": "ada", "password": "secret-1"}
    problem(APIClient().post("/api/v1/auth/login", login, format="json"), 401, "wrong_credentials")


def test_an_unknown_path_is_a_problem(api: APIClient) -> None:
    problem(api.get("/api/v1/nothing"), 404, "not_found")
    problem(api.get(f"{ORDERS}/no-uuid"), 404, "not_found")
    assert "/" in Client().get("/nothing").content.decode()


def test_the_schema_has_every_command_body_and_the_docs_work_offline() -> None:
    client = Client()
    schema = client.get("/api/v1/schema", headers={"Accept": "application/json"}).json()
    body = schema["components"]["schemas"]["CreateOrderRequest"]
    assert {"currency", "lines", "shipping", "discounts", "country", "reference"} <= set(body["properties"])
    assert not {"order_id", "customer_id", "customer_name"} & set(body["properties"]), "the server knows these"
    assert body["required"] == ["currency", "lines"]
    assert body["additionalProperties"] is False
    page = client.get("/api/v1/docs").content.decode()
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page
    assert "https://" not in page, "everything the page loads is our own"


def test_a_past_order_is_read_by_version_and_by_time(api: APIClient, ada: User) -> None:
    at = datetime(2011, 3, 30, 12, tzinfo=UTC)
    create = replace(new_order(), customer_id=ada.customer_id)
    dispatch(create, Context(actor="customer:1", occurred_at=at))
    dispatch(pay(create.order_id), Context(actor="customer:1", occurred_at=at + timedelta(days=1)))
    url = f"/api/v1/orders/{create.order_id}"

    def read(**query: str) -> tuple[int, str]:
        answer = api.get(url, query)
        return answer.status_code, answer.json().get("payment") if answer.status_code == 200 else answer.json()["code"]

    assert read(version="1") == (200, "unpaid")
    assert read(version="2") == (200, "paid")
    assert read(version="3") == (404, "order_not_found")
    assert read(as_of="2011-03-30") == (200, "unpaid")
    assert read(as_of="2011-03-31T12:00:00Z") == (200, "paid")
    assert read(as_of="2011-03-29") == (404, "order_not_found")
    assert read(recorded_by="2011-03-31") == (404, "order_not_found")
    assert read(as_of="2011-03-30", recorded_by="2999-01-01") == (200, "unpaid")
    assert read(as_of="yesterday") == (400, "invalid")
    assert read(version="one") == (400, "invalid")


def test_the_past_of_another_customers_order_does_not_exist(api: APIClient) -> None:
    create = replace(new_order(), customer_id=new_id())
    dispatch(create, Context(actor="customer:1"))
    for query in ({"version": "1"}, {"as_of": "2999-01-01"}, {"recorded_by": "2999-01-01"}):
        assert api.get(f"/api/v1/orders/{create.order_id}", query).status_code == 404


def test_orders_are_listed_by_status_day_and_article(api: APIClient) -> None:
    paid, other = place(api), place(api)
    send(api, f"{ORDERS}/{paid}/payments", PAYMENT)
    lamp = {**BODY, "lines": [{"sku": "LAMP", "name": "Lamp", "quantity": 1, "unit_price": "20"}]}
    with_lamp = send(api, ORDERS, lamp).json()["order_id"]

    def ids(**query: str) -> set[str]:
        return {order["order_id"] for order in api.get(ORDERS, query).json()["results"]}

    today, tomorrow = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT00:00:00Z}" for days in (0, 1))
    assert ids(payment="paid") == {paid}
    assert ids(status="open", payment="unpaid", sku="MUG") == {other}
    assert ids(sku="LAMP") == {with_lamp}
    assert ids(sku="LAM") == set()
    assert ids(created_gte=today, created_lt=tomorrow) == {paid, other, with_lamp}
    assert ids(created_gte=tomorrow) == set()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"status": "lost"}, "there are open, on_hold, completed, cancelled"),
        ({"created_lt": "soon"}, "'soon' is no date or time"),
        ({"colour": "red"}, "There is no parameter 'colour' here"),
    ],
)
def test_invalid_list_parameters_are_refused_by_name(api: APIClient, query: dict[str, str], words: str) -> None:
    refused = problem(api.get(ORDERS, query), 400, "invalid")
    assert [error["field"] for error in refused["errors"]] == list(query)
    assert words in refused["detail"]


def test_the_timeline_shows_a_customer_no_internal_data(api: APIClient) -> None:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT)
    dispatch(ShipOrder(order_id=UUID(order_id), carrier="DHL", tracking_code="JD01"), Context(actor="staff:anna"))
    timeline = api.get(f"{ORDERS}/{order_id}/timeline")
    assert [(each["version"], each["event"], each["words"]) for each in timeline.json()] == [
        (1, "order.created", "You ordered 2 lines for 22.50 GBP."),
        (2, "order.paid", "You paid 22.50 GBP by card."),
        (3, "order.shipped", "We sent your order. It goes with DHL. Its tracking code is JD01."),
    ]
    assert "anna" not in timeline.content.decode()
    problem(client_of(make_customer("eve")).get(f"{ORDERS}/{order_id}/timeline"), 404, "order_not_found")
    problem(api.get(f"{ORDERS}/{uuid4()}/timeline"), 404, "order_not_found")
