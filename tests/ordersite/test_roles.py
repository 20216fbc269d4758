"""Groups belong to the administrators: a deployment writes each one once, and tells about new permissions."""

import importlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.test import Client

from ordersite import roles
from ordersite.checks import new_permissions_are_told
from ordersite.models import SuggestedPermission, User
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE, OPERATORS, held_by, write_roles

pytestmark = pytest.mark.django_db(transaction=True)
LogIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def written() -> None:
    write_roles()


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next version suggests one more permission for accountants."""
    monkeypatch.setitem(roles._ROLES, ACCOUNTANTS, (*roles._ROLES[ACCOUNTANTS], "view_seal"))


def sync(*arguments: str) -> str:
    out = io.StringIO()
    call_command("sync_roles", *arguments, stdout=out)
    return out.getvalue()


def test_every_suggested_permission_exists() -> None:
    for role, codenames in roles._ROLES.items():
        assert sorted(held_by(role)) == sorted(codenames)


def test_permissions_edited_in_the_admin_survive_the_next_migrate(admin_client: Client) -> None:
    group = Group.objects.get(name=ACCOUNTANTS)
    chosen = list(Permission.objects.filter(codename__in=("view_event", "view_accountingday")))
    url = f"/admin/auth/group/{group.pk}/change/"
    seen = admin_client.get(url).context["adminform"].form.seen
    page = {
        "name": "The books",
        "permissions": [permission.pk for permission in chosen],
        "seen": seen,
        "reason": "Books",
    }
    assert admin_client.post(url, page).status_code == 302
    call_command("migrate", verbosity=0)
    assert sorted(held_by("The books")) == ["view_accountingday", "view_event"]
    assert not Group.objects.filter(name=ACCOUNTANTS).exists(), "a renamed group must not appear again"


def test_a_group_that_was_deleted_stays_deleted() -> None:
    Group.objects.filter(name=OPERATORS).delete()
    call_command("migrate", verbosity=0)
    assert not Group.objects.filter(name=OPERATORS).exists()


def test_a_new_permission_is_told_and_not_given(newer: None, capsys: pytest.CaptureFixture[str]) -> None:
    write_roles(verbosity=1)
    assert "view_seal" not in held_by(ACCOUNTANTS)
    assert capsys.readouterr().err == "Accountants: new permissions, not given: view_seal. See manage.py sync_roles\n"
    (warning,) = new_permissions_are_told(databases=["default"])
    assert warning.msg == "the group Accountants was not given the new permissions view_seal"


@pytest.mark.parametrize(("option", "is_given"), [("--add", True), ("--decline", False)])
def test_an_administrator_gives_or_declines_a_new_permission_once(newer: None, option: str, is_given: bool) -> None:
    assert "Accountants: new view_seal\n" in sync()
    sync(option)
    assert ("view_seal" in held_by(ACCOUNTANTS)) is is_given
    assert new_permissions_are_told(databases=["default"]) == []


def test_adding_new_permissions_does_not_return_those_that_were_taken_away(newer: None) -> None:
    group = Group.objects.get(name=ACCOUNTANTS)
    group.permissions.set(Permission.objects.filter(codename__in=("view_accountingday", "view_event")))
    sync("--add")
    assert sorted(held_by(ACCOUNTANTS)) == ["view_accountingday", "view_event", "view_seal"]
    assert "lacks view_accountingentry, " in sync()
    assert "; more view_event\n" in sync()


def test_a_reset_gives_exactly_the_suggested_permissions() -> None:
    Group.objects.get(name=ACCOUNTANTS).permissions.clear()
    assert "Accountants: as suggested\n" in sync("--reset", ACCOUNTANTS)
    with pytest.raises(CommandError, match="no group called 'Cooks'; it suggests Back office, Accountants, Operators"):
        sync("--reset", "Cooks")


def test_a_site_from_before_keeps_its_groups_and_its_clerks_no_longer_operate() -> None:
    """Earlier versions forced `operate` on the back office at each migration, and remembered nothing."""
    SuggestedPermission.objects.all().delete()
    Group.objects.filter(name=OPERATORS).delete()
    clerks = Group.objects.get(name=BACK_OFFICE)
    clerks.permissions.add(*Permission.objects.filter(codename__in=("operate", "redrive_queuedcommand")))
    migration: Any = importlib.import_module("ordersite.migrations.0004_roles")
    migration.take_operating_from_the_back_office(apps, None)
    write_roles()
    assert sorted(held_by(BACK_OFFICE)) == sorted(roles._ROLES[BACK_OFFICE])
    assert "operate" in held_by(OPERATORS)
    assert new_permissions_are_told(databases=["default"]) == []
    assert User(is_superuser=True, is_staff=True, is_active=True).has_perm("projections.operate")
