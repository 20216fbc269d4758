"""The groups of every site and their permissions, written after each migration so that new permissions are included."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

BACK_OFFICE = "Back office"
ACCOUNTANTS = "Accountants"

_ROLES = {
    BACK_OFFICE: (
        "view_stafforder", "send_commands", "view_event", "view_plannedcommand", "view_consumercheckpoint", "view_seal",
        "view_queuedcommand", "redrive_queuedcommand",
        "view_checkpoint", "view_parkedevent", "view_skippedevent", "view_build", "operate",
        "view_webhookendpoint", "view_webhookdelivery",
        "view_accountingday", "view_accountingorder", "view_accountingentry",
        "view_accountmoney", "view_accountmoneyentry",
    ),
    ACCOUNTANTS: (
        "view_accountingday", "view_accountingorder", "view_accountingentry",
        "view_accountmoney", "view_accountmoneyentry",
    ),
}  # fmt: skip


def write_roles(**signal: Any) -> None:
    """Create the groups and give each exactly its permissions. Receiver of `post_migrate`."""
    for app in ("eventstore", "projections"):
        create_permissions(installed.get_app_config(app), verbosity=0)
    for name, codenames in _ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(codename__in=codenames))
