"""Forms that save accounts, groups and passwords: of two people who change one row, the second learns of the first."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client, RequestFactory
from knox.models import AuthToken

from ordersite import service_accounts
from ordersite.admin.forms.saved_rows import STALE, SavedRow
from ordersite.models import User
from tests.support.admin import text

STRONG = {"password1": "Long-and-strange-1", "password2": "Long-and-strange-1", "usable_password": "true"}


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna", email="anna@example.com", first_name="Anna", is_staff=True)


@pytest.fixture
def pickers(db: None) -> Group:
    group = Group.objects.create(name="Pickers")
    group.permissions.set(Permission.objects.filter(codename__in=("view_event", "view_seal")))
    return group


def address(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def opened(client: Client, url: str) -> dict[str, Any]:
    """Return what the form would send if nothing was typed into it."""
    context = client.get(url).context
    form = context["adminform"].form if "adminform" in context else context["form"]
    assert f'name="seen" value="{form.seen[:5].replace(chr(34), "&quot;")}' in text(client.get(url))
    values = {name: form.initial.get(name) for name, field in form.fields.items() if not field.disabled}
    values = {name: [each.pk for each in value] if isinstance(value, list) else value for name, value in values.items()}
    return {"seen": form.seen} | {name: value for name, value in values.items() if value not in (None, False)}


def test_every_form_that_changes_a_row_carries_what_its_reader_saw(admin_client: Client) -> None:
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="admin")
    changed = [each for each in admin.site._registry.values() if each.has_change_permission(request)]
    assert {each.model for each in changed} >= {User, Group}
    for each in changed:
        row = each.model._default_manager.first() or each.model()
        assert issubclass(each.get_form(request, row, change=True), SavedRow), each


def test_of_two_tabs_of_an_account_the_second_learns_of_the_first(admin_client: Client, anna: User) -> None:
    first, second = (opened(admin_client, address(anna)) for _ in range(2))
    assert admin_client.post(address(anna), first | {"first_name": "Anne"}).status_code == 302
    refused = admin_client.post(address(anna), second | {"last_name": "Lee & Sons"})
    page = text(refused)
    assert STALE in page
    assert "First name: was “Anna”, is now “Anne”" in page
    assert "admin (staff): Changed First name" in page
    assert 'value="Lee &amp; Sons"' in page, "what was typed is kept"
    anna.refresh_from_db()
    assert (anna.first_name, anna.last_name) == ("Anne", "")
    again = second | {"last_name": "Lee & Sons", "seen": refused.context["adminform"].form.seen}
    assert admin_client.post(address(anna), again).status_code == 302
    assert User.objects.get(pk=anna.pk).last_name == "Lee & Sons"


def test_of_two_tabs_of_a_group_the_second_learns_which_permissions_changed(
    admin_client: Client, pickers: Group
) -> None:
    second = opened(admin_client, address(pickers))
    pickers.permissions.set(Permission.objects.filter(codename__in=("view_event", "view_queuedcommand")))
    page = text(admin_client.post(address(pickers), second | {"name": "Packers"}))
    assert STALE in page
    assert "Can view queued command" in page.partition("added:")[2][:90]
    assert "Can view seal" in page.partition("removed:")[2][:90]
    pickers.refresh_from_db()
    assert pickers.name == "Pickers"
    assert not LogEntry.objects.exists(), "nothing was changed in the admin"


def test_of_two_people_who_set_a_password_the_second_learns_of_the_first(admin_client: Client, anna: User) -> None:
    url = f"/admin/ordersite/user/{anna.pk}/password/"
    first, second = (admin_client.get(url).context["form"].seen for _ in range(2))
    assert anna.password not in first
    assert admin_client.post(url, {"seen": first} | STRONG).status_code == 302
    stored = User.objects.get(pk=anna.pk).password
    refused = admin_client.post(url, {"seen": second} | STRONG)
    assert STALE in text(refused)
    assert "was set again" in text(refused)
    assert User.objects.get(pk=anna.pk).password == stored
    assert admin_client.post(url, {"seen": refused.context["form"].seen} | STRONG).status_code == 302


@pytest.mark.parametrize(
    "seen", ["", "{", "[]", "null", '{"at": 1, "values": {}}', '{"at": "2026-01-01", "values": 1}']
)
def test_a_form_that_does_not_say_what_was_seen_is_stale(admin_client: Client, pickers: Group, seen: str) -> None:
    assert STALE in text(admin_client.post(address(pickers), {"name": "Packers", "seen": seen}))
    assert STALE in text(admin_client.post(address(pickers), {"name": "Packers"}))


def test_a_login_meanwhile_is_neither_undone_nor_a_conflict(admin_client: Client, anna: User) -> None:
    form = opened(admin_client, address(anna))
    Client().force_login(anna)
    moment = User.objects.get(pk=anna.pk).last_login
    assert admin_client.post(address(anna), form | {"first_name": "Anne"}).status_code == 302
    assert User.objects.get(pk=anna.pk).last_login == moment


def test_a_token_is_shown_and_never_changed(admin_client: Client, anna: User) -> None:
    token, _ = AuthToken.objects.create(anna)
    assert 'name="_save"' not in text(admin_client.get(address(token)))
    assert admin_client.post(address(token), {"expiry_0": "2030-01-01"}).status_code == 403
    assert "TOKEN" in text(
        admin_client.post("/admin/knox/authtoken/add/", {"user": anna.pk, "expiry_0": "", "expiry_1": ""}, follow=True)
    )


def test_of_two_tabs_of_a_service_account_the_second_learns_which_permissions_changed(admin_client: Client) -> None:
    erp = service_accounts.create("erp", ["read_orders"])
    seen = admin_client.get(address(erp)).context["adminform"].form.seen
    service_accounts.grant(erp, ["read_orders", "follow_events"])
    refused = admin_client.post(
        address(erp), {"seen": seen, "may": ["read_orders"], "is_active": "on", "reason": "The ERP"}
    )
    assert "It may: added: follow_events" in text(refused)
    again = {
        "seen": refused.context["adminform"].form.seen,
        "may": ["read_orders"],
        "is_active": "on",
        "reason": "The ERP",
    }
    assert admin_client.post(address(erp), again).status_code == 302
    assert service_accounts.granted(erp) == ["read_orders"]
