"""Customers: registration, e-mail addresses, export and erasure, through the API and the admin."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.core.mail.message import sanitize_address
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from eventstore.models import ConsumerCheckpoint, Event
from eventstore.personal_data import encryption, subjects
from orders.accounts.commands import DepositMoney, WithdrawMoney
from orders.accounts.identity import MOVER, account_of
from orders.commands import ApproveRefund, PayFromAccount, RecordPaymentFailure, RequestRefund, SettleRefund
from orders.customers.events import CustomerErased, CustomerRegistered, EmailChanged, EmailVerified
from ordersite.customers import emails, lookup, registration
from ordersite.models import User
from ordersite.roles import BACK_OFFICE
from tests.support.api import BODY, ORDERS, place, problem, send
from tests.support.dump import dump
from tests.support.payments import pay
from tests.support.registration import AUTH, NEWCOMER, OWNERS, PASSWORD, by_address, logs_in, post, verify
from tests.support.site import client_of, make_customer

ME = "/api/v1/me"


def patch(client: APIClient, email: str, **headers: str) -> Any:
    return client.patch(f"{ME}/email", {"email": email}, format="json", headers=headers)


def register(**changes: Any) -> Any:
    return post(APIClient(), f"{AUTH}/register", NEWCOMER | changes)


def log_in_as(username: str, password: str = PASSWORD) -> APIClient:
    client = APIClient()
    answer = post(client, f"{AUTH}/login", {"username": username, "password": password})
    client.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    return client


def history(customer_id: UUID | None) -> list[Any]:
    return [fact.event for fact in store.read_stream(id_of(customer_id))]


def id_of(customer_id: UUID | None) -> UUID:
    assert customer_id
    return customer_id


def token_in(message: Any) -> str:
    match = re.search(r"^(\S+:\S+:\S+)$", message.body, re.MULTILINE)
    assert match, message.body
    return match[1]


# --- registering ------------------------------------------------------------------------------------------------------


def test_a_new_customer_registers_logs_in_and_orders(projecting: None) -> None:
    answer = register()
    assert (answer.status_code, answer["Location"]) == (201, ME)
    customer_id = answer.json()["customer_id"]
    assert answer.json() == {"username": "grace", "customer_id": customer_id}
    registered = CustomerRegistered(customer_id=UUID(customer_id), name="Grace Okafor", email="grace@example.com")
    assert history(UUID(customer_id)) == [registered]
    assert store.read_stream(UUID(customer_id))[0].metadata.actor == f"customer:{customer_id}"
    client = log_in_as("grace")
    assert client.get(ME).json() == {
        "customer_id": customer_id,
        "username": "grace",
        "name": "Grace Okafor",
        "email": "grace@example.com",
        "email_verified": False,
    }
    assert send(client, ORDERS, BODY).status_code == 201


def test_without_a_username_the_address_is_used(projecting: None) -> None:
    body = {name: value for name, value in NEWCOMER.items() if name != "username"}
    assert post(APIClient(), f"{AUTH}/register", body).json()["username"] == "grace@example.com"
    assert log_in_as("grace@example.com").get(ME).status_code == 200


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"password": "12345678"}, "password", "password_weak"),
        ({"password": "short"}, "password", "password_weak"),
        ({"password": "grace@example.com"}, "password", "password_weak"),
        ({"email": "grace"}, "email", "invalid"),
        ({"username": "gr ace"}, "username", "invalid"),
        ({"name": ""}, "name", "blank"),
        ({"customer_id": str(uuid4())}, "customer_id", "invalid"),
        ({"is_staff": True}, "is_staff", "invalid"),
        ({"username": "ada"}, "username", "unavailable"),
    ],
)
def test_errors_of_a_registration_are_reported_by_field(
    ada: User, change: dict[str, Any], field: str, code: str
) -> None:
    body = problem(register(**change), 400, "invalid")
    assert {(each["field"], each["code"]) for each in body["errors"]} == {(field, code)}
    assert User.objects.count() == 1
    assert Event.objects.count() == 0


def test_of_two_simultaneous_registrations_one_is_refused(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registration, "require_free", lambda user: None
    )  # as if both checks ran before either registration
    assert register().status_code == 201
    assert problem(register(email="other@example.com"), 400, "invalid")["errors"][0]["code"] == "unavailable"
    assert (User.objects.count(), Event.objects.count()) == (1, 1)


def test_a_failed_registration_leaves_no_login(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("crash")

    monkeypatch.setattr(registration, "dispatch", crash)
    with pytest.raises(RuntimeError):
        register()
    assert not User.objects.exists()


def test_the_database_allows_an_address_for_one_customer_only(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("ada2", "Ada@Example.com", customer_id=new_id(), email_verified=True)
    User.objects.create_user("anna", "ada@example.com", is_staff=True)


# --- logging out ------------------------------------------------------------------------------------------------------


def test_logging_out_everywhere_revokes_all_tokens_of_that_user_only(api: APIClient, ada: User) -> None:
    other, stranger = client_of(ada), client_of(make_customer("eve"))
    assert post(api, f"{AUTH}/logoutall").status_code == 204
    for client in (api, other):
        problem(client.get(ME), 401, "authentication_failed")
    assert stranger.get(ME).status_code == 200


# --- the address ------------------------------------------------------------------------------------------------------


def test_a_changed_address_is_recorded_with_the_old_one_and_the_author(api: APIClient, ada: User) -> None:
    answer = patch(api, "ada@example.org")
    assert (answer.status_code, answer["ETag"]) == (200, '"2"')
    assert answer.json() == {
        "customer_id": str(ada.customer_id),
        "version": 2,
        "email": "ada@example.org",
        "email_verified": False,
    }
    assert history(ada.customer_id) == [
        CustomerRegistered(customer_id=id_of(ada.customer_id), name="Ada Whitfield", email="ada@example.com"),
        EmailChanged(
            customer_id=id_of(ada.customer_id),
            previous="ada@example.com",
            email="ada@example.org",
            changed_by=f"customer:{ada.customer_id}",
        ),
    ]
    ada.refresh_from_db()
    assert (ada.email, ada.username) == ("ada@example.org", "ada")


def test_a_username_that_is_the_address_changes_with_it(projecting: None) -> None:
    register(username="grace@example.com")
    client = log_in_as("grace@example.com")
    assert patch(client, "grace@example.org").status_code == 200
    assert log_in_as("grace@example.org").get(ME).status_code == 200


def test_a_refused_address_changes_nothing(api: APIClient, ada: User) -> None:
    make_customer("eve")
    User.objects.filter(username="eve").update(email_verified=True)
    problem(patch(api, "ada@example.com"), 409, "email_unchanged")
    problem(patch(api, "EVE@example.com"), 409, "email_taken")
    problem(patch(api, "nowhere"), 400, "invalid")
    problem(api.patch(f"{ME}/email", {"email": "a@b.org", "by": "me"}, format="json"), 400, "invalid")
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"
    assert history(ada.customer_id) == []


def test_repeated_and_outdated_changes_are_recognised(api: APIClient, ada: User) -> None:
    first = patch(api, "ada@example.org", **{"Idempotency-Key": "key-1"})
    again = patch(api, "ada@example.org", **{"Idempotency-Key": "key-1"})
    assert (again.status_code, again.content, again["Idempotency-Replayed"]) == (200, first.content, "true")
    problem(patch(api, "ada@example.net", **{"Idempotency-Key": "key-1"}), 422, "idempotency_key_reused")
    problem(patch(api, "ada@example.net", **{"If-Match": '"1"'}), 412, "version_differs")
    assert patch(api, "ada@example.net", **{"If-Match": '"2"'}).json()["version"] == 3


def test_the_new_address_gets_a_verification_mail_and_the_old_one_a_notice(api: APIClient, ada: User) -> None:
    patch(api, "ada@example.org")
    emails.send()
    emails.send()
    assert [(each.to, each.subject) for each in mail.outbox] == [
        (["ada@example.com"], "Your address was changed"),
        (["ada@example.org"], "Is this your address?"),
    ]
    assert "ada@example.org" not in mail.outbox[0].body
    answer = post(APIClient(), f"{AUTH}/verify-email", {"token": token_in(mail.outbox[1])})
    assert (answer.status_code, answer.json()) == (200, {"email": "ada@example.org", "email_verified": True})
    assert api.get(ME).json()["email_verified"] is True
    assert history(ada.customer_id)[-1] == EmailVerified(customer_id=id_of(ada.customer_id), email="ada@example.org")
    version = len(history(ada.customer_id))
    assert post(APIClient(), f"{AUTH}/verify-email", {"token": token_in(mail.outbox[1])}).status_code == 200
    assert len(history(ada.customer_id)) == version


def test_the_mail_links_to_the_shops_page_if_configured(projecting: None, settings: Any) -> None:
    settings.EMAIL_VERIFY_URL = "https://shop.example/verify?token={token}"
    register()
    emails.send()
    assert "https://shop.example/verify?token=" in mail.outbox[0].body


def test_altered_expired_and_outdated_tokens_are_refused(api: APIClient, ada: User, settings: Any) -> None:
    def refused(token: str) -> bool:
        answer = post(APIClient(), f"{AUTH}/verify-email", {"token": token})
        return bool(problem(answer, 400, "invalid")["errors"][0]["code"] == "token_invalid")

    patch(api, "ada@example.org")
    assert ada.customer_id
    token = emails.token_for(ada.customer_id, "ada@example.org")
    assert refused(token[:-1] + ("A" if token[-1] != "A" else "B"))
    assert refused(emails.token_for(ada.customer_id, "ada@example.com"))
    assert refused(emails.token_for(new_id(), "ada@example.org"))
    settings.EMAIL_TOKEN_DAYS = -1
    assert refused(token)
    settings.EMAIL_TOKEN_DAYS = 3
    assert not lookup.current_customer(ada.customer_id).verified
    assert post(APIClient(), f"{AUTH}/verify-email", {"token": token}).status_code == 200


def test_a_mail_server_that_is_down_delays_mail_and_an_unknown_mailbox_is_skipped(
    projecting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        register(username=name, email=f"{name}@example.com")
    sent: list[str] = []
    down: dict[str, OSError] = {"two@example.com": SMTPServerDisconnected("gone")}

    def send_mail(*, recipient_list: list[str], **words: Any) -> None:
        if error := down.get(recipient_list[0]):
            raise error
        sent.extend(recipient_list)

    monkeypatch.setattr(emails, "send_mail", send_mail)
    emails.send()
    emails.send()
    assert sent == ["one@example.com"], "a sent mail is not sent again"
    assert "gone" in ConsumerCheckpoint.objects.get(name="mails").problem
    down = {"two@example.com": SMTPRecipientsRefused({"two@example.com": (550, b"no such mailbox")})}
    emails.send()
    assert sent == ["one@example.com", "three@example.com"]


@pytest.mark.parametrize("refusal", [None, SMTPDataError(554, b"looks like spam")])
def test_a_mail_that_can_never_be_sent_is_skipped(
    projecting: None, monkeypatch: pytest.MonkeyPatch, refusal: OSError | None
) -> None:
    odd = f"odd@{'é' * 60}.com"  # too long for a domain name once it is encoded
    assert register(username="odd", email=odd).status_code == 201
    register()
    send_mail_for_real = mail.send_mail

    def send_mail(*, recipient_list: list[str], **words: Any) -> None:
        if refusal and recipient_list == [odd]:
            raise refusal
        send_mail_for_real(recipient_list=recipient_list, **words)
        for each in recipient_list:
            sanitize_address(each, "utf-8")  # as the SMTP backend does before it connects

    monkeypatch.setattr(emails, "send_mail", send_mail)
    emails.send()
    assert [message.to for message in mail.outbox][-1] == ["grace@example.com"]


def test_a_temporarily_refused_mail_is_sent_later(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    register()
    send_mail_for_real = mail.send_mail

    def busy(**words: Any) -> None:
        raise SMTPDataError(451, b"try again")

    monkeypatch.setattr(emails, "send_mail", busy)
    emails.send()
    monkeypatch.setattr(emails, "send_mail", send_mail_for_real)
    emails.send()
    assert [message.to for message in mail.outbox] == [["grace@example.com"]]


# --- export -----------------------------------------------------------------------------------------------------------


def test_the_export_contains_everything_about_a_customer(api: APIClient, ada: User) -> None:
    order_id = place(api)
    assert ada.customer_id
    account_id = account_of(ada.customer_id, "GBP")
    staff = Context(actor="staff:anna")
    deposit = DepositMoney(
        account_id=account_id, customer_id=ada.customer_id, currency="GBP", amount=Decimal(50), method="card"
    )
    dispatch(deposit, staff)
    patch(api, "ada@example.org")
    place(client_of(make_customer("eve")))
    answer = api.get(f"{ME}/export")
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == 'attachment; filename="everything.json"'
    export = json.loads(answer.getvalue())
    assert export["login"]["email"] == "ada@example.org"
    assert len(export["tokens"]) == 1
    assert [fact["event"] for fact in export["customer"]] == ["customer.registered", "customer.email_changed"]
    assert export["customer"][1]["details"]["previous"] == "ada@example.com"
    (order,) = export["orders"]
    assert (order["id"], order["history"][0]["event"], order["history"][0]["by"]) == (order_id, "order.created", "you")
    assert order["history"][0]["details"]["customer_name"] == "Ada Whitfield"
    (account,) = export["accounts"]
    assert account["id"] == str(account_id)
    assert [fact["event"] for fact in account["history"]] == ["account.opened", "account.deposited"]
    assert account["history"][1]["details"]["amount"] == "50.00"
    text = json.dumps(export).lower()
    assert "anna" not in text
    assert "eve" not in re.sub(r"event", "", text)


def test_the_export_includes_webhooks_and_orders_not_yet_in_the_read_model(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = place(api)
    url = "https://127.0.0.1:1/hook"
    assert post(api, "/api/v1/webhook-endpoints", {"url": url}).status_code == 201
    monkeypatch.setattr(lookup, "read_model_order_ids", lambda customer_id: [])
    export = json.loads(api.get(f"{ME}/export").getvalue())
    assert [order["id"] for order in export["orders"]] == [order_id]
    assert [endpoint["url"] for endpoint in export["webhook_endpoints"]] == [url]
    assert "secret" not in export["webhook_endpoints"][0]


# --- erasure ----------------------------------------------------------------------------------------------------------


def erase(client: APIClient, password: str = "secret-1") -> Any:
    return post(client, f"{ME}/erasure", {"password": password})


def cancelled(api: APIClient) -> str:
    order_id = place(api)
    send(api, f"{ORDERS}/{order_id}/cancel", {"reason": "Changed my mind"}, **{"If-Match": "*"})
    return order_id


def test_an_erased_customer_is_gone_from_every_table(api: APIClient, ada: User) -> None:
    order_id = cancelled(api)
    patch(api, "ada.whitfield@example.org")
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(
        user=ada, content_type=kind, object_id=str(ada.pk), object_repr="ada@example.com", action_flag=CHANGE
    )
    login = log_in_as("ada", "secret-1")
    answer = erase(login)
    assert (answer.status_code, answer.json()) == (202, {"customer_id": str(ada.customer_id)})
    everything = dump().lower()
    for word in ("whitfield", "ada@example.com", "example.org"):
        assert word not in everything, word
    assert history(ada.customer_id)[-1] == CustomerErased(customer_id=id_of(ada.customer_id))
    assert history(ada.customer_id)[0].name == encryption.ERASED
    assert store.read_stream(UUID(order_id))[0].event.customer_name == encryption.ERASED
    for client in (api, login):
        problem(client.get(ME), 401, "authentication_failed")
    assert post(APIClient(), f"{AUTH}/login", {"username": "ada", "password": "secret-1"}).status_code == 401
    ada.refresh_from_db()
    assert (ada.is_active, ada.username, ada.email) == (False, f"erased-{ada.customer_id}", "")
    assert not AuthToken.objects.filter(user=ada).exists()


def test_a_customer_without_orders_and_history_can_be_erased(api: APIClient, ada: User) -> None:
    assert erase(api).status_code == 202
    assert "whitfield" not in dump().lower()
    emails.send()
    assert mail.outbox == []


def test_the_address_of_an_erased_customer_is_free_again(api: APIClient, ada: User) -> None:
    erase(api)
    assert register(username="ada", email="ada@example.com").status_code == 201


def test_an_erasure_needs_the_password(api: APIClient, ada: User) -> None:
    problem(erase(api, "wrong"), 403, "wrong_password")
    problem(post(api, f"{ME}/erasure", {}), 400, "invalid")
    problem(post(api, f"{ME}/erasure", {"password": "secret-1", "why": "x"}), 400, "invalid")
    assert User.objects.get(pk=ada.pk).is_active


def test_an_open_order_or_a_balance_prevents_an_erasure(api: APIClient, ada: User) -> None:
    order_id = place(api)
    problem(erase(api), 409, "orders_open")
    send(api, f"{ORDERS}/{order_id}/cancel", {"reason": "Changed my mind"}, **{"If-Match": "*"})
    assert ada.customer_id
    account_id, staff = account_of(ada.customer_id, "EUR"), Context(actor="staff:anna")
    deposit = DepositMoney(
        account_id=account_id, customer_id=ada.customer_id, currency="EUR", amount=Decimal(5), method="card"
    )
    dispatch(deposit, staff)
    assert "5.00 EUR" in problem(erase(api), 409, "account_not_empty")["detail"]
    assert "Whitfield" in dump()
    dispatch(WithdrawMoney(account_id=account_id, amount=Decimal(5), reason="Paid out"), Context(actor="staff:anna"))
    assert erase(api).status_code == 202


def test_a_refund_that_is_due_prevents_an_erasure(api: APIClient, ada: User) -> None:
    order_id = place(api)
    pay(api, order_id)
    send(api, f"{ORDERS}/{order_id}/cancel", {"reason": "Changed my mind"}, **{"If-Match": "*"})
    problem(erase(api), 409, "orders_open")
    staff, key = Context(actor="staff:anna"), UUID(order_id)
    dispatch(RequestRefund(order_id=key, reason="Cancelled", by="staff:anna"), staff)
    problem(erase(api), 409, "orders_open")
    dispatch(ApproveRefund(order_id=key, refund_id=1, by="staff:anna"), replace(staff, command_id=new_id()))
    problem(erase(api), 409, "orders_open")
    dispatch(SettleRefund(order_id=key, refund_id=1), replace(staff, command_id=new_id()))
    assert erase(api).status_code == 202


def test_a_payment_in_progress_prevents_an_erasure(api: APIClient, ada: User) -> None:
    order_id = place(api)
    key, staff = UUID(order_id), Context(actor="staff:anna")
    dispatch(PayFromAccount(order_id=key), staff)
    send(api, f"{ORDERS}/{order_id}/cancel", {"reason": "Changed my mind"}, **{"If-Match": "*"})
    problem(erase(api), 409, "orders_open")
    failed = RecordPaymentFailure(
        order_id=key, payment_id=1, amount=Decimal(1), payment_method="account", reason="Too little there", by=MOVER
    )
    dispatch(failed, replace(staff, command_id=new_id()))
    assert erase(api).status_code == 202


def test_an_open_order_not_yet_in_the_read_model_prevents_an_erasure(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(ada)
    place(client)
    monkeypatch.setattr(lookup, "read_model_order_ids", lambda customer_id: [])
    problem(erase(client), 409, "orders_open")


def test_a_crash_during_an_erasure_changes_nothing(api: APIClient, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("crash")

    cancelled(api)
    monkeypatch.setattr(subjects, "erase", crash)
    with pytest.raises(RuntimeError):
        erase(api)
    monkeypatch.undo()
    assert history(ada.customer_id) == []
    assert api.get(ME).json()["name"] == "Ada Whitfield"
    assert erase(api).status_code == 202


def test_the_management_command_erases_a_customer(api: APIClient, ada: User) -> None:
    place(api)
    patch(api, "ada@example.org")
    entry = {"content_type": ContentType.objects.get_for_model(User), "object_id": str(ada.pk), "action_flag": CHANGE}
    anna = User.objects.create_user("anna")
    LogEntry.objects.create(user=anna, object_repr="a.whitfield@example.com", **entry)
    call_command("erase_subject", str(ada.customer_id), stdout=io.StringIO())
    assert history(ada.customer_id)[-1] == CustomerErased(customer_id=id_of(ada.customer_id))
    assert list(User.objects.all()) == [anna]
    assert "whitfield" not in dump().lower()
    with pytest.raises(CommandError, match="already erased"):
        call_command("erase_subject", str(ada.customer_id))


# --- the staff --------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(projecting: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="secret-1"))
    return client


def save_account(client: Client, user: User, **changes: Any) -> Any:
    page = client.get(f"/admin/ordersite/user/{user.pk}/change/")
    form = page.context["adminform"].form
    data = {name: form.initial.get(name) for name in form.fields if name != "password"} | changes
    data = {name: value for name, value in data.items() if value not in (None, False)}
    return client.post(f"/admin/ordersite/user/{user.pk}/change/", data | {"seen": form.seen})


def test_the_log_names_staff_who_change_an_address(root: Client, ada: User) -> None:
    assert save_account(root, ada, email="ada@example.org").status_code == 302
    changed = history(ada.customer_id)[-1]
    assert isinstance(changed, EmailChanged)
    assert (changed.previous, changed.email, changed.changed_by) == ("ada@example.com", "ada@example.org", "staff:root")
    assert User.objects.get(pk=ada.pk).email == "ada@example.org"
    assert save_account(root, ada, first_name="Adah").status_code == 302
    assert len(history(ada.customer_id)) == 2


def test_the_admin_form_says_why_an_address_is_refused(root: Client, ada: User) -> None:
    make_customer("eve")
    User.objects.filter(username="eve").update(email_verified=True)
    nothing = save_account(root, ada, email="")
    assert "an email address has a name" in nothing.content.decode()
    taken = save_account(root, ada, email="eve@example.com")
    assert "Another customer has this e-mail address" in taken.content.decode()
    assert history(ada.customer_id) == []


def test_staff_see_balances_but_cannot_change_them(log_in: Callable[..., Client], ada: User) -> None:
    assert ada.customer_id
    deposit = DepositMoney(
        account_id=account_of(ada.customer_id, "GBP"),
        customer_id=ada.customer_id,
        currency="GBP",
        amount=Decimal("1234.5"),
        method="card",
        reference="pay_1",
    )
    dispatch(deposit, Context(actor="staff:anna"))
    client = log_in(BACK_OFFICE)
    balances = client.get("/admin/projections/accountmoney/").content.decode()
    assert "1,234.50" in balances
    assert str(ada.customer_id) in balances
    movements = client.get("/admin/projections/accountmoneyentry/").content.decode()
    assert "1,234.50" in movements
    assert "Deposit" in movements
    assert client.get("/admin/projections/accountmoney/add/").status_code == 403


# --- addresses that nobody has verified yet ---------------------------------------------------------------------------


def test_a_strangers_claim_keeps_the_owner_neither_from_registering_nor_from_the_address(projecting: None) -> None:
    stranger, owner = by_address(), by_address("Grace@Example.com", password=OWNERS)
    assert (stranger.status_code, owner.status_code) == (201, 201)
    assert set(stranger.json()) == set(owner.json()), "the answer does not tell"
    assert owner.json()["username"] == "Grace@Example.com"
    assert logs_in("grace@example.com", OWNERS)
    assert logs_in("grace@example.com", NEWCOMER["password"])

    assert verify(owner.json()["customer_id"], "Grace@Example.com").status_code == 200
    login = User.objects.get(customer_id=owner.json()["customer_id"])
    assert (login.email_verified, login.username) == (True, "Grace@Example.com")
    assert logs_in("Grace@Example.com", OWNERS)
    lost = User.objects.get(customer_id=stranger.json()["customer_id"])
    assert (lost.email, lost.email_verified) == ("", False)
    assert not logs_in("grace@example.com", NEWCOMER["password"])
    assert lookup.current_customer(UUID(stranger.json()["customer_id"])).email == ""
    problem(verify(stranger.json()["customer_id"]), 400, "invalid")
    emails.send()
    assert "Your address was changed" not in [each.subject for each in mail.outbox]


def test_a_verified_address_is_taken(projecting: None) -> None:
    verify(by_address().json()["customer_id"])
    body = problem(by_address("GRACE@example.com", password=OWNERS), 400, "invalid")
    assert [each["code"] for each in body["errors"]] == ["unavailable"]


def test_a_repeated_registration_makes_no_second_account(projecting: None) -> None:
    assert [by_address().status_code for _ in range(2)] == [201, 400]
    assert User.objects.count() == 1


def test_a_strangers_claim_does_not_hold_up_a_change_of_address(api: APIClient, ada: User) -> None:
    by_address()
    assert patch(api, "grace@example.com").status_code == 200
    assert verify(str(ada.customer_id)).status_code == 200
    ada.refresh_from_db()
    assert (ada.email, ada.email_verified) == ("grace@example.com", True)
    assert patch(api, "ada@example.org").status_code == 200
    ada.refresh_from_db()
    assert not ada.email_verified


def test_many_claims_do_not_make_one_log_in_expensive(projecting: None) -> None:
    for number in range(8):
        assert by_address(password=f"nine-copper-bells-{number}").status_code == 201
    assert registration.claiming_by_address("grace@example.com").count() == registration.MOST_CLAIMS
