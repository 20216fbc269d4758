"""Helpers of tests about access: people with some permissions, and what the log says about access."""

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client

from eventstore.models import Event
from ordersite.models import User

USERS = "/admin/ordersite/user/"


def permission(name: str) -> Permission:
    """Return the permission with this name, such as `ordersite.change_user`."""
    app, _, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def person(username: str, *permissions: str, **fields: Any) -> User:
    """Create a member of staff with these permissions."""
    user = User.objects.create_user(username, password="secret-1", **{"is_staff": True, **fields})
    user.user_permissions.set([permission(name) for name in permissions])
    return user


def browser_of(user: User) -> Client:
    """Return a browser in which the user is logged in."""
    client = Client()
    client.force_login(User.objects.get(pk=user.pk))  # as it is stored now: a session ends with what it began with
    return client


def form_of(client: Client, url: str) -> dict[str, Any]:
    """Return the fields that a page of the admin would send, with what its reader saw; empty if it has no form."""
    answer = client.get(url)
    if answer.context is None or "adminform" not in answer.context:
        return {}
    form = answer.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in values.items() if value not in (None, False)}
    if isinstance(sent.get("date_joined"), object):
        sent.pop("date_joined", None)
    return sent | ({"seen": form.seen} if hasattr(form, "seen") else {})


def recorded(holder: str = "") -> list[tuple[str, str, dict[str, Any]]]:
    """Return the actor, type and data of the events of access, oldest first; those of one holder if it is named."""
    events = Event.objects.filter(aggregate_type="access").order_by("position")
    found = [(event.metadata["actor"], event.event_type, event.event_data) for event in events]
    return [each for each in found if not holder or each[2]["holder"] == holder]
