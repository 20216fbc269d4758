"""A customer's money in the shop, as a client developer meets it."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from eventstore import store
from eventstore.queue import worker
from orders.accounts.identity import account_of
from ordersite.models import User
from projections.customer.account import CustomerAccount
from tests.support.accounts import ACCOUNT, deposit
from tests.support.api import problem, send
from tests.support.site import client_of, make_customer


def balances(api: APIClient, **query: str) -> dict[str, str]:
    return {account["currency"]: account["balance"] for account in api.get(ACCOUNT, query).json()}


def test_a_customer_pays_in_and_sees_balances_and_movements(api: APIClient, ada: User) -> None:
    assert ada.customer_id
    first = deposit(api)
    account_id = str(account_of(ada.customer_id, "GBP"))
    assert (first.status_code, first["ETag"], first["Location"]) == (
        201,
        '"2"',
        f"{ACCOUNT}?currency=GBP&min_version=2",
    )
    assert first.json() == {"account_id": account_id, "version": 2}
    assert deposit(api, amount="70", reference="pay_2").json()["version"] == 3
    deposit(api, currency="JPY", amount="1500", reference="pay_3")
    assert balances(api) == {"GBP": "120.00", "JPY": "1500"}
    assert balances(api, currency="GBP", min_version="3") == {"GBP": "120.00"}
    moved = api.get(f"{ACCOUNT}/movements", {"currency": "GBP"}).json()["results"]
    assert [(each["amount"], each["balance"], each["kind"], each["reference"]) for each in moved] == [
        ("70.00", "120.00", "deposit", "pay_2"),
        ("50.00", "50.00", "deposit", "pay_1"),
    ]
    assert store.read_stream(UUID(account_id))[0].metadata.actor == f"customer:{ada.customer_id}"


def test_an_account_is_opened_once_and_only_in_a_known_currency(api: APIClient) -> None:
    opened = send(api, ACCOUNT, {"currency": "EUR"})
    assert (opened.status_code, opened.json()["version"]) == (201, 1)
    problem(send(api, ACCOUNT, {"currency": "EUR"}), 409, "account_exists")
    problem(send(api, ACCOUNT, {"currency": "XXQ"}), 409, "unknown_currency")
    assert balances(api) == {"EUR": "0.00"}


def test_a_repeated_deposit_is_made_once(api: APIClient) -> None:
    first, again = deposit(api, "key-1"), deposit(api, "key-1")
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    told_again = deposit(api, "key-2")
    assert (told_again.status_code, told_again.json()) == (201, first.json())
    problem(deposit(api, "key-3", amount="50.01"), 409, "reference_used")
    problem(deposit(api, "key-1", amount="50.01"), 422, "idempotency_key_reused")
    assert balances(api) == {"GBP": "50.00"}


def test_a_deposit_on_an_older_version_is_refused(api: APIClient) -> None:
    deposit(api)
    problem(deposit(api, headers={"If-Match": '"1"'}, reference="pay_2"), 412, "version_differs")
    problem(deposit(api, headers={"If-Match": "two"}, reference="pay_2"), 400, "if_match_malformed")
    assert deposit(api, headers={"If-Match": '"2"'}, reference="pay_2").status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "0.00001"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"currency": "POUND"}, "currency"),
        ({"method": ""}, "method"),
        ({"method": "refund"}, "method"),
        ({"method": "returned payment"}, "method"),
        ({"reference": f"refund:{uuid4()}/1"}, "reference"),
        ({"customer_id": str(uuid4())}, "customer_id"),
        ({"account_id": str(uuid4())}, "account_id"),
    ],
)
def test_errors_of_a_deposit_are_reported_by_field(api: APIClient, change: dict[str, Any], field: str) -> None:
    body = problem(deposit(api, **change), 400, "invalid")
    assert [error["field"] for error in body["errors"]] == [field]


def test_a_refused_deposit_names_the_rule(api: APIClient) -> None:
    problem(deposit(api, amount="0"), 409, "amount_not_positive")
    problem(deposit(api, amount="1.005"), 409, "amount_not_exact")
    problem(deposit(api, ""), 400, "idempotency_key_missing")
    assert balances(api) == {}


def test_a_customer_sees_only_own_accounts(api: APIClient) -> None:
    deposit(api)
    eve = client_of(make_customer("eve"))
    assert balances(eve) == {}
    assert eve.get(f"{ACCOUNT}/movements").json()["results"] == []
    deposit(eve, amount="1", reference="pay_1")
    assert (balances(eve), balances(api)) == ({"GBP": "1.00"}, {"GBP": "50.00"})
    staff = client_of(User.objects.create_user("anna", is_staff=True))
    for answer in (staff.get(ACCOUNT), staff.get(f"{ACCOUNT}/movements"), deposit(staff)):
        problem(answer, 403, "not_a_customer")


def test_waiting_for_a_version_ends_after_a_while(api: APIClient, settings: Any) -> None:
    deposit(api)
    settings.READ_WAIT_SECONDS = 0.05
    problem(api.get(ACCOUNT, {"currency": "GBP", "min_version": "3"}), 503, "not_yet_visible")
    CustomerAccount.objects.update(version=1)
    problem(api.get(ACCOUNT, {"currency": "GBP", "min_version": "2"}), 503, "not_yet_visible")
    for query in ({"min_version": "2"}, {"currency": "GBP", "min_version": "two"}, {"colour": "red"}):
        problem(api.get(ACCOUNT, query), 400, "invalid")


def test_movements_are_paged_latest_first(api: APIClient) -> None:
    for number in range(5):
        deposit(api, amount=str(number + 1), reference=f"pay_{number}")
    seen: list[str] = []
    url: str | None = f"{ACCOUNT}/movements?limit=2"
    while url:
        page = api.get(url).json()
        assert len(page["results"]) <= 2
        seen += [movement["amount"] for movement in page["results"]]
        url = page["next"]
    assert seen == ["5.00", "4.00", "3.00", "2.00", "1.00"]
    problem(api.get(f"{ACCOUNT}/movements", {"cursor": "next"}), 400, "invalid")
    for limit in ("0", "101", "-1", "1.5"):
        problem(api.get(f"{ACCOUNT}/movements", {"limit": limit}), 400, "invalid")


def test_a_deposit_can_be_accepted_for_later(api: APIClient, ada: User) -> None:
    assert ada.customer_id
    accepted = deposit(api, headers={"Prefer": "respond-async"})
    account_id = str(account_of(ada.customer_id, "GBP"))
    assert (accepted.status_code, accepted.json()["account_id"]) == (202, account_id)
    assert balances(api) == {}
    worker.run()
    outcome = api.get(accepted["Location"])
    assert (outcome.json()["status"], outcome.json()["account_id"], outcome.json()["version"]) == (
        "done",
        account_id,
        2,
    )
    assert outcome["Link"] == f'<{ACCOUNT}?currency=GBP&min_version=2>; rel="item"'
    assert balances(api) == {"GBP": "50.00"}
