"""What customers do with an order of theirs beyond placing and paying it: parts, changes, returns, versions."""

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


def read(api: APIClient, order_id: str, **asked: Any) -> Any:
    answer = api.get(f"{ORDERS}/{order_id}", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


# --- reading ----------------------------------------------------------------------------------------------------------


def test_an_order_comes_with_its_lines_and_with_what_is_asked_for(api: APIClient, shipped: str) -> None:
    assert not set(PARTS) & set(read(api, shipped))
    assert "lines" in read(api, shipped)
    whole = read(api, shipped, expand="payments,shipments,refunds,returns")
    assert set(PARTS) <= set(whole)
    assert set(PARTS) & set(read(api, shipped, expand="shipments, lines")) == {"shipments"}
    wrong = problem(api.get(f"{ORDERS}/{shipped}", {"expand": "lines,secrets"}), 400, "invalid")
    assert "There is no part 'secrets'" in wrong["detail"]
    listed = api.get(ORDERS, {"expand": "payments"}).json()["results"][0]
    assert (listed["payments"], "refunds" in listed) == (whole["payments"], False)


def test_what_belongs_to_an_order_is_read_by_itself(api: APIClient, shipped: str) -> None:
    whole = read(api, shipped, expand=",".join(PARTS))
    for part in PARTS:
        answer = api.get(f"{ORDERS}/{shipped}/{part}", {"min_version": 3})
        assert (answer.status_code, answer.json(), answer["ETag"]) == (200, whole[part], '"3"')
        problem(api.get(f"{ORDERS}/{uuid4()}/{part}"), 404, "order_not_found")
        problem(api.get(f"{ORDERS}/{shipped}/{part}", {"colour": "red"}), 400, "invalid")
    (payment,), (parcel,) = whole["payments"], whole["shipments"]
    assert (payment["method"], payment["captured"], payment["created_at"][-1]) == ("card", "22.50", "Z")
    assert parcel["lines"] == [{"line_id": 1, "quantity": 2}, {"line_id": 2, "quantity": 1}]


def test_a_part_at_a_version_that_is_not_visible_yet_is_to_be_asked_for_again(
    api: APIClient, paid: str, settings: Any
) -> None:
    settings.READ_WAIT_SECONDS = 0.05
    CustomerOrder.objects.filter(pk=paid).update(version=1)  # the view is behind
    late = api.get(f"{ORDERS}/{paid}/payments", {"min_version": 2})
    problem(late, 503, "not_yet_visible")
    assert late["Retry-After"] == "1"


def test_an_answer_with_other_parts_is_another_answer(api: APIClient, paid: str) -> None:
    plain = api.get(f"{ORDERS}/{paid}")["ETag"]
    with_payments = api.get(f"{ORDERS}/{paid}", {"expand": "payments"}, headers={"If-None-Match": plain})
    assert (with_payments.status_code, with_payments["ETag"] == plain) == (200, False)
    assert plain.startswith('"2.')


def test_a_reading_asked_for_with_a_version_that_is_gone_is_a_problem(api: APIClient, paid: str) -> None:
    problem(api.get(f"{ORDERS}/{paid}", headers={"If-Match": '"1.0"'}), 412, "version_differs")


def test_orders_are_listed_by_each_of_their_statuses(api: APIClient, shipped: str) -> None:
    unpaid = place(api)

    def found(**asked: str) -> set[str]:
        return {order["order_id"] for order in api.get(ORDERS, asked).json()["results"]}

    assert found(status="completed", payment="paid", fulfilment="fulfilled") == {shipped}
    assert found(fulfilment="unfulfilled") == {unpaid}
    assert found(**{"return": "none"}) == {unpaid, shipped}
    send(api, f"{ORDERS}/{shipped}/returns", {"lines": [{"line_id": 1, "quantity": 1}]})
    assert found(**{"return": "requested", "status": "open"}) == {shipped}
    for name in ("status", "payment", "fulfilment", "return"):
        refused = problem(api.get(ORDERS, {name: "lost"}), 400, "invalid")
        assert [error["field"] for error in refused["errors"]] == [name]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"cursor": "nowhere"}, "cursor"),
        ({"cursor": "bz0tMQ=="}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"page": "2"}, "page"),
    ],
)
def test_a_page_that_is_asked_for_wrongly_is_refused_by_name(api: APIClient, asked: dict[str, str], field: str) -> None:
    refused = problem(api.get(ORDERS, asked), 400, "invalid")
    assert [error["field"] for error in refused["errors"]] == [field]


def test_pages_lead_on_and_back_and_count_nothing(api: APIClient) -> None:
    ids = [place(api) for _ in range(3)]
    first = api.get(f"{ORDERS}?limit=2").json()
    assert set(first) == {"next", "prev", "results"}
    assert first["prev"] is None
    second = api.get(first["next"]).json()
    assert ([order["order_id"] for order in second["results"]], second["next"]) == ([ids[0]], None)
    assert api.get(second["prev"]).json()["results"] == first["results"]


# --- changing ---------------------------------------------------------------------------------------------------------


def test_a_change_names_the_version_that_was_seen_or_says_that_any_will_do(api: APIClient, settings: Any) -> None:
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


def test_nothing_is_sent_to_another_address_once_it_was_sent(api: APIClient, shipped: str) -> None:
    refused = send(api, f"{ORDERS}/{shipped}/shipping-address", {"shipping_address": "1 High Street"}, method="patch")
    told = problem(refused, 409, refused.json()["code"])
    assert "change_address" not in told["allowed_actions"]
    assert "request_return" in told["allowed_actions"]


def test_an_edit_is_looked_at_before_it_is_made(api: APIClient) -> None:
    order_id = place(api)
    edits = f"{ORDERS}/{order_id}/edits"
    third = {"quantities": [{"line_id": 1, "quantity": 3}]}
    looked_at = send(api, f"{edits}?dry_run=true", third)
    assert (looked_at.status_code, Event.objects.count()) == (200, 1)
    assert looked_at.json() == {
        "order_id": order_id, "currency": "GBP", "difference": "7.50", "due": "30.00", "due_back": "0.00"
    }  # fmt: skip
    made = send(api, edits, third)
    assert (made.status_code, made["Location"]) == (201, f"{ORDERS}/{order_id}")
    assert read(api, order_id)["total"] == "30.00"
    problem(send(api, f"{edits}?dry_run=maybe", third), 400, "invalid")
    refused = problem(send(api, f"{edits}?dry_run=true", {}), 409, "nothing_changes")
    assert "edit" in refused["allowed_actions"]
    problem(send(client_of(make_customer("eve")), f"{edits}?dry_run=true", third), 404, "order_not_found")


def test_some_units_are_cancelled_and_the_rest_is_sent(api: APIClient, paid: str) -> None:
    one = [{"line_id": 1, "quantity": 1}]
    assert send(api, f"{ORDERS}/{paid}/cancel", {"reason": "One is enough", "lines": one}).status_code == 200
    shown = read(api, paid)
    assert (shown["status"], shown["cancelled"], shown["due_back"]) == ("open", "7.50", "7.50")
    dispatch(ShipLines(order_id=UUID(paid), lines=(LineQuantity(line_id=1, quantity=1),)), STAFF)
    assert read(api, paid)["fulfilment"] == "partial"


def test_goods_are_asked_to_go_back_once_they_were_sent(api: APIClient, paid: str) -> None:
    wish = {"lines": [{"line_id": 1, "quantity": 1}], "reason": "damaged", "comment": "Cracked"}
    returns = f"{ORDERS}/{paid}/returns"
    assert "request_return" not in problem(send(api, returns, wish), 409, "more_than_shipped")["allowed_actions"]
    dispatch(ShipOrder(order_id=UUID(paid)), STAFF)
    asked = send(api, returns, wish)
    assert (asked.status_code, asked["Location"]) == (201, f"{ORDERS}/{paid}")
    (told,) = api.get(returns, {"min_version": 4}).json()
    assert (told["status"], told["reason"], told["lines"]) == ("requested", "damaged", wish["lines"])
    problem(send(api, returns, wish | {"reason": "bored"}), 400, "invalid")


def test_an_account_that_has_not_enough_is_said_at_once(api: APIClient) -> None:
    order_id = place(api)
    payments = f"{ORDERS}/{order_id}/payments"
    refused = problem(send(api, payments, {"payment_method": "account"}), 402, "balance_too_low")
    assert "22.50 GBP" in refused["detail"]
    problem(send(api, payments, {"payment_method": "card"}), 400, "invalid")
    assert Event.objects.count() == 1


def test_a_payment_is_promised_and_told_as_that(api: APIClient) -> None:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/payments", PAYMENT | {"capture": False})
    shown = read(api, order_id, expand="payments")
    assert (shown["payment"], shown["authorised"], shown["paid"]) == ("authorised", "22.50", "0.00")
    assert shown["payments"][0]["captured_at"] is None


def test_what_was_accepted_and_refused_later_says_what_would_be_taken(api: APIClient) -> None:
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


def test_fields_and_parameters_that_are_not_there_are_refused_by_name(api: APIClient, ada: User) -> None:
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
        asked = problem(send(api, f"{ORDERS}/{order_id}/{path}?colour=red", body), 400, "invalid")
        assert [error["field"] for error in asked["errors"]] == ["colour"], path
    inside = BODY | {"lines": [BODY["lines"][0] | {"colour": "red"}]}
    assert "lines.0.colour" in problem(send(api, ORDERS, inside), 400, "invalid")["detail"]
    assert Event.objects.count() == 1
