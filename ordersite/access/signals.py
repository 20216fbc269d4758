"""See every change of rights that goes through Django's models, wherever it is made, and record it.

A bulk `update()` and SQL send no signals: nothing of this site changes rights that way.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import signals

from ordersite.access.recording import actor_of, current_cause, record, record_credentials
from ordersite.models import ServiceAccount, User

FLAGS = {"is_active": "log in", "is_staff": "staff", "is_superuser": "superuser"}


def connect() -> None:
    """Connect the receivers. Call it once, when the application starts."""
    for through in (User.groups.through, User.user_permissions.through, Group.permissions.through):
        signals.m2m_changed.connect(_note_links, sender=through)
    for model in (User, ServiceAccount):
        signals.pre_save.connect(_note_before, sender=model)
        signals.post_save.connect(_record_flags, sender=model)
        signals.pre_delete.connect(_record_deleted_account, sender=model)
    signals.pre_delete.connect(_record_deleted_group, sender=Group)


def rights_of_row(user: Any) -> set[str]:
    """Return the rights that stand in the row of an account itself."""
    rights = {right for flag, right in FLAGS.items() if getattr(user, flag)}
    return rights | ({f"customer {user.customer_id}"} if user.customer_id else set())


def rights_of(user: Any) -> set[str]:
    """Return all rights of an account that are its own; those of its groups are recorded with the groups."""
    groups = {_right(group) for group in user.groups.all()}
    return (
        rights_of_row(user) | groups | {_right(each) for each in user.user_permissions.select_related("content_type")}
    )


def _right(linked: Any) -> str:
    if isinstance(linked, Permission):
        return f"{linked.content_type.app_label}.{linked.codename}"
    return f"group {linked.name}"


# --- groups and permissions -------------------------------------------------------------------------------------------


def _note_links(
    sender: Any, *, instance: Any, action: str, reverse: bool, model: Any, pk_set: Any, **more: Any
) -> None:
    """Record links that were added, or are about to be removed."""
    if action == "post_add":
        _record_links(sender, instance, model.objects.filter(pk__in=pk_set), reverse, "granted")
    elif action == "post_remove":
        _record_links(sender, instance, model.objects.filter(pk__in=pk_set), reverse, "withdrawn")
    elif action == "pre_clear":
        _record_links(sender, instance, _linked(sender, instance, model, reverse), reverse, "withdrawn")


def _record_links(sender: Any, instance: Any, linked: Iterable[Any], reverse: bool, what: str) -> None:
    if reverse:  # from the other end, as in group.user_set.add(anna)
        for holder in linked:
            record(holder, **{what: {_right(instance)}})
    else:
        record(instance, **{what: {_right(each) for each in linked}})


def _linked(sender: Any, instance: Any, model: Any, reverse: bool) -> Iterable[Any]:
    """Return what is linked to the instance now, in one of the three tables of links."""
    keys = {field.related_model: field.name for field in sender._meta.fields if field.related_model}
    own = keys.get(type(instance)) or keys[User]
    other = keys.get(model) or keys[User]
    return model.objects.filter(pk__in=sender.objects.filter(**{own: instance.pk}).values(other))  # type: ignore[no-any-return]


# --- the rows of accounts ---------------------------------------------------------------------------------------------


def _note_before(sender: Any, instance: Any, raw: bool = False, update_fields: Any = None, **signal: Any) -> None:
    """Remember the rights that are stored before an account is saved."""
    watched = {*FLAGS, "customer_id"}
    if raw or (update_fields is not None and not watched & set(update_fields)):
        instance._rights_before = None
        return
    stored = User.objects.filter(pk=instance.pk).first() if instance.pk else None
    # To register as a customer, or to be one's own program, is no grant. A new account may always log in.
    instance._rights_before = rights_of_row(stored or instance) - (set() if stored else {"staff", "superuser"})


def _record_flags(sender: Any, instance: Any, created: bool, **signal: Any) -> None:
    before = getattr(instance, "_rights_before", None)
    if before is not None:
        after = rights_of_row(instance)
        record(instance, granted=after - before, withdrawn=before - after)
    is_new_password = not created and instance._password is not None  # Django clears it after this signal
    if is_new_password and (instance.is_staff or current_cause().actor != actor_of(instance)):
        record_credentials(instance, "password set")


def _record_deleted_account(sender: Any, instance: Any, **signal: Any) -> None:
    """Record what a deleted account loses, unless it is a customer with no rights in the shop."""
    rights = rights_of(instance)
    if not rights <= {"log in", f"customer {instance.customer_id}"}:
        record(instance, withdrawn=rights)


def _record_deleted_group(sender: Any, instance: Any, **signal: Any) -> None:
    """Record what a deleted group loses, and each of its members."""
    for member in instance.user_set.all():
        record(member, withdrawn={_right(instance)})
    record(instance, withdrawn={_right(each) for each in instance.permissions.select_related("content_type")})
