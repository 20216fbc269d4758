"""End an account's API tokens when access is withdrawn in any way: they would outlive it."""

from typing import Any

from knox.models import AuthToken

from ordersite.models import User

_ACCESS = ("is_active", "is_staff", "is_superuser")
_WATCHED = frozenset({"password", *_ACCESS})


def end_tokens(sender: Any, instance: User, **signal: Any) -> None:
    """Delete the account's tokens if it loses access, or if its password changes or is disabled.

    Receiver of `pre_save`. Django itself ends the sessions of a changed password, and asks the account at each request
    whether it is active and of the staff.
    """
    fields = signal.get("update_fields")
    if instance.pk is None or (fields is not None and not _WATCHED & set(fields)):
        return
    before = User.objects.filter(pk=instance.pk).values(*_WATCHED).first()
    if before is None:
        return
    is_lower = any(before[name] and not getattr(instance, name) for name in _ACCESS)
    if is_lower or (before["password"] != instance.password and not _is_rehash(instance, fields)):
        AuthToken.objects.filter(user_id=instance.pk).delete()


def _is_rehash(user: User, fields: Any) -> bool:
    """Return whether Django stores the same password by a newer method, as it does after a log-in."""
    return (
        fields is not None
        and set(fields) == {"password"}
        and getattr(user, "_password", None) is None
        and user.has_usable_password()
    )
