"""Parts, changes, returns and versions of a customer's order."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from eventstore.dispatch import Context, dispatch
from eventstore.models import Event
from eventstore.queue import worker
from orders.commands import ShipLines, ShipOrder
from orders.values import LineQuantity
from ordersite.models import User
from projections.customer.orders import CustomerOrder
from tests.support.api import BODY, ORDERS, PAYMENT, place, problem, send
from tests.support.site import client_of, make_customer

STAFF = Context(actor="staff:anna")
PARTS = ("payments", "shipments", "refunds", "returns")


@pytest.fixture
def paid(api: APIClient) -> str:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT)
    return order_id


@pytest.fixture
def shipped(paid: str) -> str:
    dispatch(ShipOrder(order_id=UUID(paid), carrier="DHL", tracking_code="JD01"), STAFF)
    return paid


def read(api: APIClient, order_id: str, **query: Any) -> Any:
    answer = api.get(f"{ORDERS}/{order_id}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


# --- reading ----------------------------------------------------------------------------------------------------------


def test_an_order_includes_its_lines_and_the_expanded_parts(api: APIClient, shipped: str) -> None:
    assert not set(PARTS) & set(read(api, shipped))
    assert "lines" in read(api, shipped)
    whole = read(api, shipped, expand="payments,shipments,refunds,returns")
    assert set(PARTS) <= set(whole)
    assert set(PARTS) & set(read(api, shipped, expand="shipments, lines")) == {"shipments"}
    wrong = problem(api.get(f"{ORDERS}/{shipped}", {"expand": "lines,secrets"}), 400, "invalid")
    assert "There is no part 'secrets'" in wrong["detail"]
    listed = api.get(ORDERS, {"expand": "payments"}).json()["results"][0]
    assert (listed["payments"], "refunds" in listed) == (whole["payments"], False)


def test_each_part_of_an_order_can_be_read_alone(api: APIClient, shipped: str) -> None:
    whole = read(api, shipped, expand=",".join(PARTS))
    for part in PARTS:
        answer = api.get(f"{ORDERS}/{shipped}/{part}", {"min_version": 3})
        assert (answer.status_code, answer.json(), answer["ETag"]) == (200, whole[part], '"3"')
        problem(api.get(f"{ORDERS}/{uuid4()}/{part}"), 404, "order_not_found")
        problem(api.get(f"{ORDERS}/{shipped}/{part}", {"colour": "red"}), 400, "invalid")
    (payment,), (parcel,) = whole["payments"], whole["shipments"]
    assert (payment["method"], payment["captured"], payment["created_at"][-1]) == ("card", "22.50", "Z")
    assert parcel["lines"] == [{"line_id": 1, "quantity": 2}, {"line_id": 2, "quantity": 1}]


def test_a_part_at_a_version_not_visible_yet_is_answered_503(api: APIClient, paid: str, settings: Any) -> None:
    settings.READ_WAIT_SECONDS = 0.05
    CustomerOrder.objects.filter(pk=paid).update(version=1)  # the read model is behind
    late = api.get(f"{ORDERS}/{paid}/payments", {"min_version": 2})
    problem(late, 503, "not_yet_visible")
    assert late["Retry-After"] == "1"


def test_answers_with_different_parts_have_different_etags(api: APIClient, paid: str) -> None:
    plain = api.get(f"{ORDERS}/{paid}")["ETag"]
    with_payments = api.get(f"{ORDERS}/{paid}", {"expand": "payments"}, headers={"If-None-Match": plain})
    assert (with_payments.status_code, with_payments["ETag"] == plain) == (200, False)
    assert plain.startswith('"2.')


def test_a_get_with_an_outdated_if_match_is_answered_412(api: APIClient, paid: str) -> None:
    problem(api.get(f"{ORDERS}/{paid}", headers={"If-Match": '"1.0"'}), 412, "version_differs")


def test_orders_are_listed_by_each_of_their_statuses(api: APIClient, shipped: str) -> None:
    unpaid = place(api)

    def ids(**query: str) -> set[str]:
        return {order["order_id"] for order in api.get(ORDERS, query).json()["results"]}

    assert ids(status="completed", payment="paid", fulfilment="fulfilled") == {shipped}
    assert ids(fulfilment="unfulfilled") == {unpaid}
    assert ids(**{"return": "none"}) == {unpaid, shipped}
    send(api, f"{ORDERS}/{shipped}/returns", {"lines": [{"line_id": 1, "quantity": 1}]})
    assert ids(**{"return": "requested", "status": "open"}) == {shipped}
    for name in ("status", "payment", "fulfilment", "return"):
        refused = problem(api.get(ORDERS, {name: "lost"}), 400, "invalid")
        assert [error["field"] for error in refused["errors"]] == [name]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cursor": "nowhere"}, "cursor"),
        ({"cursor": "bz0tMQ=="}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"page": "2"}, "page"),
    ],
)
def test_invalid_page_parameters_are_refused_by_name(api: APIClient, query: dict[str, str], field: str) -> None:
    refused = problem(api.get(ORDERS, query), 400, "invalid")
    assert [error["field"] for error in refused["errors"]] == [field]


def test_pages_link_forward_and_back_without_a_count(api: APIClient) -> None:
    ids = [place(api) for _ in range(3)]
    first = api.get(f"{ORDERS}?limit=2").json()
    assert set(first) == {"next", "prev", "results"}
    assert first["prev"] is None
    second = api.get(first["next"]).json()
    assert ([order["order_id"] for order in second["results"]], second["next"]) == ([ids[0]], None)
    assert api.get(second["prev"]).json()["results"] == first["results"]


# --- changing ---------------------------------------------------------------------------------------------------------


def test_a_change_needs_the_seen_version_or_a_star(api: APIClient, settings: Any) -> None:
    order_id = place(api)
    address = {"shipping_address": "1 High Street"}

    def change(seen: str) -> Any:
        return send(api, f"{ORDERS}/{order_id}/shipping-address", address, method="patch", **{"If-Match": seen})

    problem(change(""), 428, "if_match_missing")
    problem(change('"2"'), 412, "version_differs")
    changed = change('"1"')
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    problem(change('"1"'), 412, "version_differs")
    of_a_reading = api.get(f"{ORDERS}/{order_id}", {"min_version": 2})["ETag"]
    assert change(of_a_reading).status_code == 200
    assert change("*").status_code == 200
    settings.REQUIRE_IF_MATCH = False
    assert change("").status_code == 200
    assert read(api, order_id)["shipping_address"] == "1 High Street"


def test_the_address_of_a_shipped_order_cannot_change(api: APIClient, shipped: str) -> None:
    refused = send(api, f"{ORDERS}/{shipped}/shipping-address", {"shipping_address": "1 High Street"}, method="patch")
    body = problem(refused, 409, refused.json()["code"])
    assert "change_address" not in body["allowed_actions"]
    assert "request_return" in body["allowed_actions"]


def test_an_edit_can_be_previewed(api: APIClient) -> None:
    order_id = place(api)
    edits = f"{ORDERS}/{order_id}/edits"
    third = {"quantities": [{"line_id": 1, "quantity": 3}]}
    looked_at = send(api, f"{edits}?dry_run=true", third)
    assert (looked_at.status_code, Event.objects.count()) == (200, 1)
    assert looked_at.json() == {
        "order_id": order_id, "currency": "GBP", "difference": "7.50", "due": "30.00", "due_back": "0.00"
    }  # fmt: skip
    made = send(api, edits, third)
    assert (made.status_code, made["Location"]) == (201, f"{ORDERS}/{order_id}?min_version=2")
    assert read(api, order_id)["total"] == "30.00"
    problem(send(api, f"{edits}?dry_run=maybe", third), 400, "invalid")
    refused = problem(send(api, f"{edits}?dry_run=true", {}), 409, "nothing_changes")
    assert "edit" in refused["allowed_actions"]
    problem(send(client_of(make_customer("eve")), f"{edits}?dry_run=true", third), 404, "order_not_found")


def test_some_units_are_cancelled_and_the_rest_ships(api: APIClient, paid: str) -> None:
    one = [{"line_id": 1, "quantity": 1}]
    assert send(api, f"{ORDERS}/{paid}/cancel", {"reason": "One is enough", "lines": one}).status_code == 200
    shown = read(api, paid)
    assert (shown["status"], shown["cancelled"], shown["due_back"]) == ("open", "7.50", "7.50")
    dispatch(ShipLines(order_id=UUID(paid), lines=(LineQuantity(line_id=1, quantity=1),)), STAFF)
    assert read(api, paid)["fulfilment"] == "partial"


def test_a_return_can_be_requested_after_shipping(api: APIClient, paid: str) -> None:
    wish = {"lines": [{"line_id": 1, "quantity": 1}], "reason": "damaged", "comment": "Cracked"}
    returns = f"{ORDERS}/{paid}/returns"
    assert "request_return" not in problem(send(api, returns, wish), 409, "more_than_shipped")["allowed_actions"]
    dispatch(ShipOrder(order_id=UUID(paid)), STAFF)
    requested = send(api, returns, wish)
    assert (requested.status_code, requested["Location"]) == (201, f"{ORDERS}/{paid}?min_version=4")
    (goods_return,) = api.get(returns, {"min_version": 4}).json()
    assert (goods_return["status"], goods_return["reason"], goods_return["lines"]) == (
        "requested",
        "damaged",
        wish["lines"],
    )
    problem(send(api, returns, wish | {"reason": "bored"}), 400, "invalid")


def test_a_balance_that_is_too_low_is_refused_at_once(api: APIClient) -> None:
    order_id = place(api)
    payments = f"{ORDERS}/{order_id}/payments"
    refused = problem(send(api, payments, {"payment_method": "account"}), 402, "balance_too_low")
    assert "22.50 GBP" in refused["detail"]
    problem(send(api, payments, {"payment_method": "card"}), 400, "invalid")
    assert Event.objects.count() == 1


def test_a_payment_can_be_authorised_without_capture(api: APIClient) -> None:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT | {"capture": False})
    shown = read(api, order_id, expand="payments")
    assert (shown["payment"], shown["authorised"], shown["paid"]) == ("authorised", "22.50", "0.00")
    assert shown["payments"][0]["captured_at"] is None


def test_a_later_refusal_lists_the_allowed_actions(api: APIClient) -> None:
    order_id = place(api)
    wrong = PAYMENT | {"amount": "1.00"}
    accepted = send(api, f"{ORDERS}/{order_id}/payments", wrong, Prefer="respond-async")
    assert api.get(accepted["Location"]).status_code == 202
    worker.run()
    outcome = api.get(accepted["Location"])
    assert outcome.status_code == 200
    refused = outcome.json()["problem"]
    assert (refused["code"], refused["allowed_actions"]) == (
        "amount_differs",
        problem(send(api, f"{ORDERS}/{order_id}/payments", wrong), 409, "amount_differs")["allowed_actions"],
    )
    assert "pay" in refused["allowed_actions"]


def test_unknown_fields_and_parameters_are_refused_by_name(api: APIClient, ada: User) -> None:
    order_id = place(api)
    for path, body in (
        ("payments", PAYMENT),
        ("cancel", {"reason": "no"}),
        ("returns", {"lines": [{"line_id": 1, "quantity": 1}]}),
        ("edits", {"quantities": [{"line_id": 1, "quantity": 1}]}),
    ):
        with_colour = problem(send(api, f"{ORDERS}/{order_id}/{path}", body | {"colour": "red"}), 400, "invalid")
        assert [error["field"] for error in with_colour["errors"]] == ["colour"], path
        as_another = body | {"order_id": str(uuid4())}
        assert problem(send(api, f"{ORDERS}/{order_id}/{path}", as_another), 400, "invalid"), path
        with_parameter = problem(send(api, f"{ORDERS}/{order_id}/{path}?colour=red", body), 400, "invalid")
        assert [error["field"] for error in with_parameter["errors"]] == ["colour"], path
    inside = BODY | {"lines": [BODY["lines"][0] | {"colour": "red"}]}
    assert "lines.0.colour" in problem(send(api, ORDERS, inside), 400, "invalid")["detail"]
    assert Event.objects.count() == 1
