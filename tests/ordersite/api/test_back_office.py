"""The back office API, used by a program of the shop."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from eventstore import store
from orders.actions import allowed_actions
from orders.http.back_office import COMMANDS, SENDERS
from ordersite.roles import ACCOUNTANTS
from projections.staff.orders import StaffOrder
from tests.support.api import BODY, ORDERS, PAYMENT, place, problem, send
from tests.support.back_office import staff_client
from tests.support.order_stories import shop

OFFICE = "/api/v1/back-office/orders"


@pytest.fixture
def anna(projecting: None) -> APIClient:
    return staff_client()


class Order:
    """An order and its latest version: each command sends the version from the previous answer."""

    def __init__(self, order_id: str) -> None:
        self.order_id, self.etag = order_id, '"1"'

    def send(self, api: APIClient, path: str, body: Any, status: int = 200) -> Any:
        answer = send(api, path.format(id=self.order_id), body, **{"If-Match": self.etag})
        assert answer.status_code == status, answer.content
        self.etag = answer["ETag"]
        return answer.json()

    def staff(self, api: APIClient, command: str, **body: Any) -> Any:
        return self.send(api, f"{OFFICE}/{{id}}/{command}", body)


def test_an_order_is_authorised_captured_shipped_in_two_parcels_returned_and_refunded(
    api: APIClient, anna: APIClient
) -> None:
    order = Order(place(api))
    promise = PAYMENT | {"capture": False, "payment_reference": "pay_1"}
    order.send(api, f"{ORDERS}/{{id}}/payments", promise)
    order.staff(anna, "capture_payment", payment_id=1, reference="cap_1")
    order.staff(anna, "ship_lines", lines=[{"line_id": 1, "quantity": 2}], carrier="DHL", tracking_code="JD01")
    order.staff(anna, "ship", carrier="DHL", tracking_code="JD20")
    order.staff(anna, "correct_tracking", shipment_id=2, tracking_code="JD02")
    order.send(api, f"{ORDERS}/{{id}}/returns", {"lines": [{"line_id": 1, "quantity": 1}]}, 201)
    order.staff(anna, "approve_return", return_id=1)
    order.staff(anna, "receive_return", return_id=1, restocked=[{"line_id": 1, "quantity": 1}])
    order.staff(anna, "request_refund", reason="A mug came back")
    order.staff(anna, "approve_refund", refund_id=1)
    version = order.staff(anna, "settle_refund", refund_id=1, reference="re_1")["version"]

    shown = api.get(f"{ORDERS}/{order.order_id}", {"min_version": version, "expand": "refunds,shipments"}).json()
    statuses = {name: shown[name] for name in ("status", "payment", "fulfilment", "return")}
    assert statuses == {
        "status": "completed", "payment": "partially_refunded", "fulfilment": "fulfilled", "return": "partial"
    }  # fmt: skip
    money = {name: shown[name] for name in ("total", "paid", "refunded", "due", "due_back")}
    assert money == {"total": "22.50", "paid": "22.50", "refunded": "7.50", "due": "0.00", "due_back": "0.00"}
    assert [parcel["tracking_code"] for parcel in shown["shipments"]] == ["JD01", "JD02"]
    assert [(each["amount"], each["status"]) for each in shown["refunds"]] == [("7.50", "settled")]
    timeline = api.get(f"{ORDERS}/{order.order_id}/timeline").json()
    assert timeline[-1]["words"] == "We gave back 7.50 GBP."
    told = "We corrected the tracking of parcel 2. It goes with DHL. Its tracking code is JD02."
    assert told in [entry["words"] for entry in timeline]
    actors = [fact.metadata.actor for fact in store.read_stream(UUID(order.order_id))]
    assert {actor.partition(":")[0] for actor in actors} == {"customer", "staff"}
    assert actors[-1] == "staff:anna"


def test_allowed_actions_are_paths_of_the_api(api: APIClient, anna: APIClient) -> None:
    order = Order(place(api))
    shown = anna.get(f"{OFFICE}/{order.order_id}", {"min_version": 1})
    assert shown["ETag"] == '"1"'
    body = shown.json()
    assert (body["customer_name"], body["customer_email"]) == ("Ada Whitfield", "ada@example.com")
    assert set(body["allowed_actions"]) <= set(SENDERS)
    assert "pay" in body["allowed_actions"]
    assert "ship" not in body["allowed_actions"], "it is not paid"
    order.send(api, f"{ORDERS}/{{id}}/payments", PAYMENT)
    assert "ship" in anna.get(f"{OFFICE}/{order.order_id}", {"min_version": 2}).json()["allowed_actions"]


def test_a_refusal_lists_the_allowed_actions(api: APIClient, anna: APIClient) -> None:
    order_id = place(api)
    refused = problem(send(anna, f"{OFFICE}/{order_id}/ship", {}), 409, "not_paid")
    assert refused["allowed_actions"] == allowed_actions(StaffOrder.objects.get(pk=order_id).state)
    to_customer = problem(
        send(api, f"{ORDERS}/{order_id}/payments", PAYMENT | {"amount": "1.00"}), 409, "amount_differs"
    )
    assert {"pay", "cancel", "edit", "change_address"} <= set(to_customer["allowed_actions"])
    assert not {"write_off", "hold", "add_note"} & set(to_customer["allowed_actions"]), "only staff may send these"


def test_a_refund_over_the_limit_needs_a_second_person(api: APIClient, anna: APIClient) -> None:
    with shop(approval_limits={"GBP": Decimal(5)}):
        order = Order(place(api))
        order.send(api, f"{ORDERS}/{{id}}/payments", PAYMENT)
        order.send(api, f"{ORDERS}/{{id}}/cancel", {"reason": "Ordered twice"})
        order.staff(anna, "request_refund", reason="Cancelled")
        approve = f"{OFFICE}/{order.order_id}/approve_refund"
        problem(send(anna, approve, {"refund_id": 1}), 409, "second_person_needed")
        ben = staff_client("ben")
        assert send(ben, approve, {"refund_id": 1}).status_code == 200
    shown = anna.get(f"{OFFICE}/{order.order_id}", {"min_version": 5}).json()
    assert [(each["requested_by"], each["status"]) for each in shown["refunds"]] == [("staff:anna", "approved")]


def test_a_body_cannot_name_its_sender(api: APIClient, anna: APIClient) -> None:
    answer = send(anna, f"{OFFICE}/{place(api)}/request_refund", {"reason": "So", "by": "staff:ben"})
    assert [each["field"] for each in problem(answer, 400, "invalid")["errors"]] == ["by"]


def test_staff_place_an_order_for_a_guest(anna: APIClient) -> None:
    guest = BODY | {"customer_id": None, "customer_name": "Grace Okafor", "customer_email": "grace@example.com"}
    placed = send(anna, OFFICE, guest)
    assert (placed.status_code, placed["ETag"]) == (201, '"1"')
    shown = anna.get(f"{OFFICE}/{placed.json()['order_id']}", {"min_version": 1}).json()
    assert (shown["customer_id"], shown["customer_name"], shown["total"]) == (None, "Grace Okafor", "22.50")


def test_keys_and_versions_apply_to_staff_too(api: APIClient, anna: APIClient) -> None:
    hold = f"{OFFICE}/{place(api)}/hold"
    reason = {"reason": "The address looks wrong"}
    problem(send(anna, hold, reason, ""), 400, "idempotency_key_missing")
    problem(send(anna, hold, reason, **{"If-Match": ""}), 428, "if_match_missing")
    problem(send(anna, hold, reason, **{"If-Match": '"9"'}), 412, "version_differs")
    problem(send(anna, hold, reason | {"colour": "red"}), 400, "invalid")
    problem(send(anna, f"{OFFICE}/{uuid4()}/hold", reason), 404, "order_not_found")
    done, again = send(anna, hold, reason, "k"), send(anna, hold, reason, "k")
    assert (done.status_code, again.content, again["Idempotency-Replayed"]) == (200, done.content, "true")


def test_without_the_permission_the_back_office_does_not_exist(api: APIClient, projecting: None) -> None:
    order_id = place(api)
    accountant = staff_client("priya", ACCOUNTANTS)
    for client in (api, accountant):
        for answer in (
            client.get(f"{OFFICE}/{order_id}"),
            client.get(f"{OFFICE}/{uuid4()}"),
            send(client, f"{OFFICE}/{order_id}/hold", {"reason": "So"}),
            send(client, f"{OFFICE}/{order_id}/hold", {}, "", **{"If-Match": ""}),
            send(client, OFFICE, BODY),
        ):
            problem(answer, 404, "not_found")


def test_every_command_of_people_is_an_operation() -> None:
    assert len(SENDERS) == len(COMMANDS) >= 30


def test_an_operator_is_offered_only_what_the_order_takes_from_that_operator(api: APIClient, anna: APIClient) -> None:
    order = Order(place(api))
    order.send(api, f"{ORDERS}/{{id}}/payments", PAYMENT)
    order.staff(anna, "cancel", reason="Out of stock")
    order.staff(anna, "request_refund", reason="Out of stock")
    with shop(approval_limits={"GBP": Decimal(5)}):
        offered = anna.get(f"{OFFICE}/{order.order_id}").json()["allowed_actions"]
        assert ("approve_refund" in offered, "decline_refund" in offered) == (False, True)
    assert "approve_refund" in anna.get(f"{OFFICE}/{order.order_id}").json()["allowed_actions"]
