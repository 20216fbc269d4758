"""The groups that a new site starts with, and the permissions of each.

A group is written once. From then on it belongs to the administrators: no migration gives it a permission or takes one
away. `manage.py sync_roles` shows what a newer version suggests, and changes a group only when it is told to.
"""

import sys
from collections.abc import Iterable
from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet

from ordersite.access.recording import unrecorded
from ordersite.models import SuggestedPermission

BACK_OFFICE = "Back office"
ACCOUNTANTS = "Accountants"
OPERATORS = "Operators"

_ROLES = {
    BACK_OFFICE: (
        "view_stafforder", "send_commands", "follow_events",
        "view_event", "view_plannedcommand", "view_consumercheckpoint", "view_seal",
        "view_queuedcommand", "view_consumerparkedevent",
        "view_checkpoint", "view_parkedevent", "view_skippedevent", "view_build",
        "view_webhookendpoint", "view_webhookdelivery",
        "view_accountingday", "view_accountingorder", "view_accountingentry",
        "view_accountmoney", "view_accountmoneyentry",
    ),
    ACCOUNTANTS: (
        "view_accountingday", "view_accountingorder", "view_accountingentry",
        "view_accountmoney", "view_accountmoneyentry",
    ),
    OPERATORS: (
        "operate", "redrive_queuedcommand", "redrive_consumerparkedevent", "view_logentry",
        "view_event", "view_plannedcommand", "view_consumercheckpoint", "view_seal", "view_queuedcommand",
        "view_consumerparkedevent",
        "view_checkpoint", "view_parkedevent", "view_skippedevent", "view_build",
        "view_webhookendpoint", "view_webhookdelivery",
    ),
}  # fmt: skip
_APPS = ("admin", "eventstore", "projections")  # whose permissions are named above


def write_roles(**signal: Any) -> None:
    """Create each group that this site never had, and tell about new permissions. Receiver of `post_migrate`."""
    for app in _APPS:
        create_permissions(installed.get_app_config(app), verbosity=0)
    written = set(SuggestedPermission.objects.values_list("role", flat=True))
    for role in set(_ROLES) - written:
        group, created = Group.objects.get_or_create(name=role)
        if created:
            with unrecorded():  # it has no members, and the code says what it may
                group.permissions.set(_permissions(_ROLES[role]))
        # A group from before this table exists: it keeps what it has, and what it lacks is told below.
        remember(role, _ROLES[role] if created else held_by(role))
    if signal.get("verbosity"):
        for role, codenames in new_permissions().items():
            sys.stderr.write(f"{role}: new permissions, not given: {', '.join(codenames)}. See manage.py sync_roles\n")


def new_permissions() -> dict[str, list[str]]:
    """Return the permissions that this version suggests for each group and that no administrator was told about."""
    known = set(SuggestedPermission.objects.values_list("role", "codename"))
    unknown = {role: [name for name in names if (role, name) not in known] for role, names in _ROLES.items()}
    return {role: names for role, names in unknown.items() if names}


def differences() -> dict[str, tuple[list[str], list[str]]]:
    """Return, for each group, the suggested permissions that it lacks, and those that it has beyond them."""
    held = {role: set(held_by(role)) for role in _ROLES}
    return {role: (sorted(set(names) - held[role]), sorted(held[role] - set(names))) for role, names in _ROLES.items()}


def add_new_permissions() -> None:
    """Give each group its new permissions, and remember them as suggested. A group that was deleted stays deleted."""
    for role, codenames in new_permissions().items():
        for group in Group.objects.filter(name=role):
            group.permissions.add(*_permissions(codenames))
        remember(role, codenames)


def reset(role: str) -> None:
    """Give the group exactly the permissions that this version suggests; create it if it is missing.

    Raises KeyError if no group of that name is suggested.
    """
    codenames = _ROLES[role]
    group, _ = Group.objects.get_or_create(name=role)
    group.permissions.set(_permissions(codenames))
    remember(role, codenames)


def held_by(role: str) -> list[str]:
    """Return the names of the permissions that the group has now; none if there is no such group."""
    return list(Permission.objects.filter(group__name=role).values_list("codename", flat=True))


def remember(role: str, codenames: Iterable[str]) -> None:
    """Record that these permissions were suggested for the group, so that they are not told again."""
    rows = (SuggestedPermission(role=role, codename=codename) for codename in codenames)
    SuggestedPermission.objects.bulk_create(rows, ignore_conflicts=True)


def _permissions(codenames: Iterable[str]) -> QuerySet[Permission]:
    return Permission.objects.filter(codename__in=codenames, content_type__app_label__in=_APPS)
