"""Who may change whose access. Nobody gives what they do not have, and only superusers touch superusers.

The rules hold for every door: forms, list actions, service accounts and tokens.
"""

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q

RESERVED = "Only a superuser can do this: it changes what somebody may do."


def permissions_of(account: Any) -> set[str]:
    """Return the permissions of an account by name, its groups' too. Also of one that may not log in at the moment."""
    held = Permission.objects.filter(Q(user=account.pk) | Q(group__user=account.pk)).distinct()
    return {f"{app}.{codename}" for app, codename in held.values_list("content_type__app_label", "codename")}


def may_grant(person: Any, permissions: set[str]) -> bool:
    """Return whether the person has all of these permissions, and so may give them to a program."""
    return bool(person.is_active) and (bool(person.is_superuser) or permissions <= permissions_of(person))


def may_manage(person: Any, account: Any) -> bool:
    """Return whether the person may change or delete the account: it may do nothing that the person may not."""
    if not person.is_active:
        return False
    return bool(person.is_superuser) or (not account.is_superuser and may_grant(person, permissions_of(account)))


def may_become(person: Any, account: Any) -> bool:
    """Return whether the person may set the account's password or make a token of it.

    That is as good as to be it: what it does then stands under its name in the log. So people of staff are reserved to
    superusers, also for colleagues with the same permissions: two people must be two where a refund needs two.
    """
    if not person.is_active or person.is_superuser or person.pk == account.pk:
        return bool(person.is_active)
    return not account.is_staff and may_manage(person, account)
