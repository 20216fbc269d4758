"""Service accounts: the shop's own programs have permissions and tokens, and are no people."""

import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from eventstore import store
from ordersite import service_accounts
from ordersite.models import ServiceAccount, ServiceToken, User
from tests.support.api import place, problem, send
from tests.support.programs import program

OFFICE = "/api/v1/back-office/orders"
ADMIN = "/admin/ordersite"
pytestmark = pytest.mark.django_db(transaction=True)


def with_token(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_the_command_prints_a_token_that_does_what_it_may() -> None:
    out = io.StringIO()
    call_command("create_service_account", "erp", "--may", "read_orders", stdout=out, stderr=io.StringIO())
    erp = with_token(out.getvalue().strip())
    assert erp.get(OFFICE).status_code == 200
    refused = problem(send(erp, OFFICE, {}), 403, "permission_denied")
    assert refused["detail"].endswith("An administrator can give it one of: send_commands.")


@pytest.mark.parametrize("arguments", [("erp",), ("no spaces",), ("x" * 151,), ("ok", "--days", "0")])
def test_the_command_refuses_what_cannot_be_an_account(arguments: tuple[str, ...]) -> None:
    service_accounts.create("erp", ())
    with pytest.raises(CommandError):
        call_command("create_service_account", *arguments, stdout=io.StringIO(), stderr=io.StringIO())
    assert [account.username for account in ServiceAccount.objects.all()] == ["erp"]


def test_a_service_account_cannot_log_in_even_with_a_password() -> None:
    account = service_accounts.create("erp", ["read_orders"])
    assert not account.has_usable_password()
    account.set_password("secret-1")
    account.save()
    assert authenticate(username="erp", password="secret-1") is None
    answer = APIClient().post("/api/v1/auth/login", {"username": "erp", "password": "secret-1"}, format="json")
    assert answer.status_code == 401
    browser = Client()
    browser.force_login(account, backend="ordersite.api.authentication.AccountBackend")
    assert browser.get("/admin/").status_code == 302


@pytest.mark.parametrize("change", [{"is_staff": True}, {"is_superuser": True}, {"customer_id": UUID(int=7)}])
def test_a_service_account_is_never_a_person(change: dict[str, object]) -> None:
    account = service_accounts.create("erp", ())
    with pytest.raises(IntegrityError):
        User.objects.filter(pk=account.pk).update(**change)


def test_a_token_that_is_revoked_expired_or_of_a_stopped_account_is_refused() -> None:
    account = service_accounts.create("erp", ["read_orders"])
    revoked, expired, stopped = (with_token(service_accounts.create_token(account)) for _ in range(3))
    first, second, _ = ServiceToken.objects.order_by("created_at")
    assert service_accounts.revoke(ServiceToken.objects.filter(pk=first.pk)) == 1
    assert revoked.get(OFFICE).status_code == 401
    AuthToken.objects.filter(digest=second.digest).update(expiry=timezone.now() - timedelta(seconds=1))
    assert expired.get(OFFICE).status_code == 401
    assert stopped.get(OFFICE).status_code == 200
    ServiceAccount.objects.update(is_active=False)
    assert stopped.get(OFFICE).status_code == 401
    valid: Any = service_accounts.with_validity(ServiceToken.objects.order_by("created_at"))
    assert [token.is_valid for token in valid] == [False, True]


def test_the_last_use_of_a_token_is_recorded() -> None:
    erp = program("erp", "read_orders")
    assert ServiceToken.objects.get().last_used_at is None
    before = timezone.now()
    erp.get(OFFICE)
    first = ServiceToken.objects.get().last_used_at
    assert first is not None
    assert before <= first
    erp.get(OFFICE)
    assert ServiceToken.objects.get().last_used_at == first, "once a minute is enough"


def test_the_log_names_the_program(api: APIClient) -> None:
    order_id = place(api)
    erp = program("erp", "send_commands")
    assert send(erp, f"{OFFICE}/{order_id}/hold", {"reason": "Out of stock"}).status_code == 200
    assert store.read_stream(UUID(order_id))[-1].metadata.actor == "service:erp"


def test_an_administrator_makes_an_account_and_sees_a_token_once(admin_client: Client) -> None:
    page = {"username": "erp", "may": ["read_orders", "follow_events"], "is_active": "on", "reason": "The ERP"}
    assert admin_client.post(f"{ADMIN}/serviceaccount/add/", page).status_code == 302
    account = ServiceAccount.objects.get(username="erp")
    assert service_accounts.granted(account) == ["read_orders", "follow_events"]
    made = admin_client.post(
        reverse("admin:ordersite_serviceaccount_new_token", args=[account.pk]), {"days": "30", "reason": "The ERP"}
    )
    token = made.context["token"]
    assert token in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert with_token(token).get(OFFICE).status_code == 200
    kept = ServiceToken.objects.get()
    assert timedelta(days=29) < kept.expiry - timezone.now() < timedelta(days=31)
    for path in ("serviceaccount/", f"serviceaccount/{account.pk}/change/", "servicetoken/"):
        shown = admin_client.get(f"{ADMIN}/{path}").content.decode()
        assert "erp" in shown
        assert token not in shown
    people = admin_client.get(f"{ADMIN}/user/").context["cl"].result_list
    assert "erp" not in [person.username for person in people]


def test_an_administrator_changes_what_a_program_may_and_stops_it(admin_client: Client) -> None:
    erp = program("erp", "read_orders")
    account = ServiceAccount.objects.get()
    url = f"{ADMIN}/serviceaccount/{account.pk}/change/"

    def send(**values: Any) -> int:
        seen = admin_client.get(url).context["adminform"].form.seen
        return admin_client.post(url, values | {"seen": seen, "reason": "It changed"}).status_code

    assert send(may=["follow_events"], is_active="on") == 302
    problem(erp.get(OFFICE), 403, "permission_denied")
    assert send(may=["read_orders"]) == 302
    assert erp.get(OFFICE).status_code == 401


def test_an_administrator_revokes_a_token(admin_client: Client) -> None:
    erp = program("erp", "read_orders")
    chosen = {"action": "revoke", "_selected_action": ServiceToken.objects.get().pk}
    asked = admin_client.post(f"{ADMIN}/servicetoken/", chosen)
    fields = dict(asked.context["fields"])
    assert erp.get(OFFICE).status_code == 200
    assert admin_client.post(f"{ADMIN}/servicetoken/", fields).status_code == 302
    assert erp.get(OFFICE).status_code == 401
