"""Each change of access is an event with who and why, wherever it is made."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from ordersite import roles, service_accounts
from ordersite.access.recording import COMMAND_LINE, because
from ordersite.models import ServiceToken, User
from ordersite.roles import BACK_OFFICE, OPERATORS, write_roles
from tests.support.access import USERS, browser_of, form_of, permission, person, recorded
from tests.support.site import make_customer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> User:
    write_roles()
    return person("owner", is_superuser=True)


def rights(holder: str) -> list[tuple[str, list[str]]]:
    """The grants and withdrawals of a holder, without who and why."""
    return [(kind.partition(".")[2], data["rights"]) for _, kind, data in recorded(holder) if "rights" in data]


def test_a_grant_in_the_admin_names_the_person_and_the_reason(owner: User) -> None:
    ben, browser = person("ben"), browser_of(owner)
    url, group = f"{USERS}{ben.pk}/change/", Group.objects.get(name=BACK_OFFICE)
    answer = browser.post(url, {**form_of(browser, url), "groups": [group.pk], "reason": "Ben packs parcels now"})
    assert answer.status_code == 302
    actor, kind, data = recorded("staff:ben")[-1]
    assert (actor, kind) == ("staff:owner", "access.granted")
    assert (data["rights"], data["reason"]) == (["group Back office"], "Ben packs parcels now")


@pytest.mark.parametrize("values", [{"groups": "GROUP"}, {"is_superuser": "on"}, {"is_active": ""}])
def test_a_change_of_access_needs_a_reason(owner: User, values: dict[str, Any]) -> None:
    ben, browser = person("ben"), browser_of(owner)
    url, before = f"{USERS}{ben.pk}/change/", recorded()
    sent = {**form_of(browser, url), **values}
    sent = {name: Group.objects.get(name=OPERATORS).pk if value == "GROUP" else value for name, value in sent.items()}
    answer = browser.post(url, sent)
    assert "Say why you change what this account or group may do" in answer.content.decode()
    assert recorded() == before
    ben.refresh_from_db()
    assert (ben.is_active, ben.is_superuser, ben.groups.count()) == (True, False, 0)


def test_other_changes_need_no_reason_and_are_no_events(owner: User) -> None:
    ben, browser = person("ben"), browser_of(owner)
    url, before = f"{USERS}{ben.pk}/change/", recorded()
    assert browser.post(url, {**form_of(browser, url), "first_name": "Ben"}).status_code == 302
    assert recorded() == before


def test_every_way_to_change_links_is_recorded() -> None:
    write_roles()
    ben, group, operate = person("ben"), Group.objects.get(name=OPERATORS), permission("projections.operate")
    with because("staff:owner", "A test"):
        ben.groups.add(group)
        ben.groups.add(group)  # changes nothing
        ben.groups.clear()
        group.user_set.add(ben)
        group.user_set.set([])
        operate.user_set.add(ben)
        ben.user_permissions.remove(operate)
        group.permissions.remove(operate)
        group.permissions.add(operate)
        operate.group_set.clear()
    assert rights("staff:ben")[1:] == [
        ("granted", ["group Operators"]),
        ("withdrawn", ["group Operators"]),
        ("granted", ["group Operators"]),
        ("withdrawn", ["group Operators"]),
        ("granted", ["projections.operate"]),
        ("withdrawn", ["projections.operate"]),
    ]
    assert rights("group:Operators") == [
        ("withdrawn", ["projections.operate"]),
        ("granted", ["projections.operate"]),
        ("withdrawn", ["projections.operate"]),
    ]
    assert {(actor, data["reason"]) for actor, _, data in recorded("group:Operators")} == {("staff:owner", "A test")}


def test_the_command_line_is_recorded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    write_roles()
    monkeypatch.setattr("sys.argv", ["manage.py", "createsuperuser"])
    User.objects.create_superuser("root")
    roles.reset(OPERATORS)
    Group.objects.get(name=OPERATORS).permissions.clear()
    call_command("sync_roles", "--reset", OPERATORS, stdout=io.StringIO())
    actor, kind, data = recorded("staff:root")[0]
    assert (actor, kind, data["rights"]) == (COMMAND_LINE, "access.granted", ["staff", "superuser"])
    assert data["reason"] == "manage.py createsuperuser"
    assert "projections.operate" in recorded("group:Operators")[-1][2]["rights"]


def test_flags_and_deletions_are_recorded() -> None:
    write_roles()
    ben = person("ben", "projections.operate")
    ben.groups.add(Group.objects.get(name=BACK_OFFICE))
    ben.is_active = False
    ben.save()
    ben.save(update_fields=["last_login"])
    assert rights("staff:ben")[-1] == ("withdrawn", ["log in"])
    Group.objects.get(name=BACK_OFFICE).delete()
    assert rights("staff:ben")[-1] == ("withdrawn", ["group Back office"])
    assert "projections.send_commands" in rights("group:Back office")[-1][1]
    ben.delete()
    assert rights("staff:ben")[-1] == ("withdrawn", ["projections.operate", "staff"])


def test_customers_who_come_and_go_are_no_change_of_access() -> None:
    ada = make_customer()
    ada.first_name = "Adah"
    ada.save()
    ada.delete()
    assert recorded() == []


def test_programs_and_their_tokens_are_recorded() -> None:
    with because("staff:owner", "The ERP reads orders"):
        account = service_accounts.create("erp", ["read_orders"])
        service_accounts.create_token(account)
        service_accounts.revoke(ServiceToken.objects.all())
    start = rights("service:erp")[1][1][0]
    assert rights("service:erp") == [
        ("granted", ["projections.view_stafforder"]), ("granted", [start]), ("withdrawn", [start])
    ]  # fmt: skip


def test_a_password_that_somebody_else_sets_is_recorded(owner: User) -> None:
    ada, browser = make_customer(), browser_of(owner)
    url = f"{USERS}{ada.pk}/password/"
    new = dict.fromkeys(("password1", "password2"), "many-brass-lanterns-9") | {"usable_password": "true"}
    assert browser.post(url, {**new, "seen": browser.get(url).context["form"].seen}).status_code == 302
    actor, kind, data = recorded(f"customer:{ada.customer_id}")[0]
    assert (actor, kind, data["change"]) == ("staff:owner", "access.credentials_changed", "password set")
