"""The limits on giving access: nobody gives what they do not have, and only superusers touch superusers."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from knox.models import AuthToken

from ordersite import service_accounts
from ordersite.models import ServiceAccount, User
from ordersite.roles import BACK_OFFICE, OPERATORS, write_roles
from tests.support.access import USERS, browser_of, form_of, permission, person
from tests.support.site import make_customer

pytestmark = pytest.mark.django_db(transaction=True)
MANAGER = ("ordersite.change_user", "ordersite.view_user", "ordersite.add_user", "ordersite.delete_user")
NEW = {"password1": "many-brass-lanterns-9", "password2": "many-brass-lanterns-9", "usable_password": "true"}


@pytest.fixture
def owner() -> User:
    return person("owner", is_superuser=True)


@pytest.fixture
def clerk(owner: User) -> User:
    return person("clerk", *MANAGER)


@pytest.fixture
def browser(clerk: User) -> Client:
    return browser_of(clerk)


def change(client: Client, user: User, **values: Any) -> int:
    """Send the form of an account as it is shown, with these values."""
    url = f"{USERS}{user.pk}/change/"
    return int(client.post(url, {**form_of(client, url), "reason": "Because", **values}).status_code)


def set_password(client: Client, user: User) -> int:
    url = f"{USERS}{user.pk}/password/"
    shown = client.get(url)
    seen = shown.context["form"].seen if shown.status_code == 200 else ""
    return int(client.post(url, {**NEW, "seen": seen}).status_code)


def stored(user: User) -> User:
    return User.objects.get(pk=user.pk)


GRANTS: tuple[dict[str, Any], ...] = (
    {"is_superuser": "on"},
    {"is_staff": "on", "is_superuser": "on"},
    {"groups": "GROUP"},
    {"user_permissions": "PERMISSION"},
    {"customer_id": "0192f3a4-0000-7000-8000-000000000001"},
)


@pytest.mark.parametrize("values", GRANTS)
@pytest.mark.parametrize("whose", ["clerk", "ada"])
def test_change_user_alone_gives_no_rights(browser: Client, whose: str, values: dict[str, Any]) -> None:
    write_roles()
    make_customer()
    keys = {"GROUP": Group.objects.get(name=OPERATORS).pk, "PERMISSION": permission("projections.operate").pk}
    user = User.objects.get(username=whose)
    before = (user.is_superuser, user.is_staff, user.customer_id)
    change(browser, user, **{name: keys.get(value, value) for name, value in values.items()})
    after = stored(user)
    assert (after.is_superuser, after.is_staff, after.customer_id) == before
    assert not after.groups.exists()
    assert not after.has_perm("projections.operate")


@pytest.mark.parametrize("does", ["change", "deactivate", "password", "delete", "delete in the list", "erase", "token"])
def test_who_is_no_superuser_does_not_touch_one(browser: Client, owner: User, does: str) -> None:
    User.objects.filter(pk=owner.pk).update(customer_id="0192f3a4-0000-7000-8000-000000000002")
    user, clerk = stored(owner), User.objects.get(username="clerk")
    clerk.user_permissions.add(permission("knox.add_authtoken"), permission("knox.view_authtoken"))
    page = f"{USERS}{user.pk}"
    match does:
        case "change" | "deactivate":
            assert change(browser, user, email="x@example.org", is_active="") == 403
        case "password":
            assert set_password(browser, user) == 403
        case "delete":
            assert browser.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
        case "delete in the list":
            browser.post(USERS, {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"})
        case "erase":
            assert (
                browser.post(f"{page}/erase/", {"form_id": "0192f3a4-0000-7000-8000-000000000003"}).status_code == 403
            )
        case "token":
            browser.post("/admin/knox/authtoken/add/", {"user": user.pk})
            assert not AuthToken.objects.exists()
    after = stored(owner)
    assert (after.email, after.is_active, after.password) == (user.email, True, user.password)


def test_a_colleague_with_more_permissions_is_not_touched(browser: Client) -> None:
    boss = person("boss", *MANAGER, "projections.operate", is_active=False)
    assert change(browser, boss, is_active="on") == 403
    assert browser.post(f"{USERS}{boss.pk}/delete/", {"post": "yes"}).status_code == 403
    assert not stored(boss).is_active


def test_a_colleague_with_the_same_permissions_is_not_impersonated(browser: Client) -> None:
    """Where a refund needs two people, one of them must not be able to log in as the other."""
    peer = person("peer", *MANAGER)
    assert set_password(browser, peer) == 403
    assert change(browser, peer, username="clerk-2", email="peer@example.org") == 302
    assert (stored(peer).username, stored(peer).email) == ("peer", "peer@example.org")


def test_a_clerk_still_serves_customers(browser: Client) -> None:
    ada = make_customer()
    assert change(browser, ada, first_name="Adah") == 302
    assert set_password(browser, ada) == 302
    assert stored(ada).first_name == "Adah"
    assert stored(ada).check_password(NEW["password1"])
    assert browser.post(f"{USERS}{ada.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=ada.pk).exists()


def test_only_superusers_change_groups(clerk: User, owner: User) -> None:
    write_roles()
    clerk.user_permissions.add(*(permission(f"auth.{verb}_group") for verb in ("add", "change", "delete", "view")))
    browser, group = browser_of(clerk), Group.objects.get(name=BACK_OFFICE)
    url, operate = f"/admin/auth/group/{group.pk}/change/", permission("projections.operate").pk
    values = {"name": BACK_OFFICE, "permissions": [operate], "reason": "Because"}
    assert browser.get(url).status_code == 200, "they may still look"
    assert browser.post(url, values).status_code == 403
    assert browser.post("/admin/auth/group/add/", {**values, "name": "Mine"}).status_code == 403
    browser.post("/admin/auth/group/", {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"})
    assert not group.permissions.filter(pk=operate).exists()
    assert browser_of(owner).post(url, {**form_of(browser_of(owner), url), **values}).status_code == 302
    assert group.permissions.filter(pk=operate).exists()


PROGRAMS = tuple(f"ordersite.{verb}_serviceaccount" for verb in ("add", "change", "view"))
ADD_PROGRAM = "/admin/ordersite/serviceaccount/add/"


def test_a_program_gets_only_permissions_that_its_maker_has(owner: User) -> None:
    browser = browser_of(person("keeper", *PROGRAMS, "projections.view_stafforder"))
    page = {"username": "erp", "is_active": "on", "reason": "For the ERP"}
    refused = browser.post(ADD_PROGRAM, {**page, "may": ["read_orders", "send_commands"]})
    assert "only permissions that you have yourself" in refused.content.decode()
    assert not ServiceAccount.objects.exists()
    assert browser.post(ADD_PROGRAM, {**page, "may": ["read_orders"]}).status_code == 302


def test_a_program_that_may_more_is_neither_changed_nor_given_tokens(owner: User) -> None:
    browser = browser_of(person("keeper", *PROGRAMS, "projections.view_stafforder"))
    account = service_accounts.create("erp", ["read_orders", "send_commands"])
    page = f"/admin/ordersite/serviceaccount/{account.pk}"
    assert browser.post(f"{page}/new-token/", {"days": "3", "reason": "Because"}).status_code == 403
    assert browser.post(f"{page}/change/", {"may": [], "is_active": ""}).status_code == 403
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize(("whose", "tokens"), [("clerk", 1), ("peer", 0), ("owner", 0), ("erp", 0)])
def test_a_token_is_as_good_as_the_account(browser: Client, clerk: User, whose: str, tokens: int) -> None:
    clerk.user_permissions.add(permission("knox.add_authtoken"), permission("knox.view_authtoken"))
    person("peer")
    service_accounts.create("erp", ["read_orders"])
    browser.post("/admin/knox/authtoken/add/", {"user": User.objects.get(username=whose).pk})
    assert AuthToken.objects.count() == tokens
