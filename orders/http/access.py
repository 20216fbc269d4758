"""Who may do what in the back office: people of staff and the shop's own programs, each by permission."""

from typing import Any, Protocol
from uuid import UUID

from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from orders.http.i18n import translate

SEND_COMMANDS = "projections.send_commands"
"""The permission to send commands for the shop."""
READ_ORDERS = "projections.view_stafforder"
"""The permission to read all orders, in the admin and in the API."""
FOLLOW_EVENTS = "projections.follow_events"
"""The permission to follow the events of all orders."""
MANAGE_WEBHOOKS = "projections.manage_webhooks"
"""The permission to have the events of all orders sent to a program's own endpoints."""
READ_PERSONAL_DATA = "projections.read_personal_data"
"""The permission of a program to read names, addresses and what people wrote. People of staff need no permission."""

SERVICE_PERMISSIONS = {
    "read_orders": READ_ORDERS,
    "read_personal_data": READ_PERSONAL_DATA,
    "follow_events": FOLLOW_EVENTS,
    "manage_webhooks": MANAGE_WEBHOOKS,
    "send_commands": SEND_COMMANDS,
}
"""The permissions that a service account can have, by the names that people and answers use."""


class Operator(Protocol):
    """A user of the back office: a person, or a service account, which has a `service_id`."""

    service_id: UUID | None

    def get_username(self) -> str:
        """Return the name to show and to record."""

    def has_perm(self, perm: str) -> bool:
        """Return whether the user has the permission."""


def require_permission(request: Request, *one_of: str) -> None:
    """Check that the user has one of the permissions.

    Raises NotFound for customers and people: for them there is no back office. Raises PermissionDenied for a service
    account: the answer names the permission, so that whoever runs the program can ask for it.
    """
    if any(request.user.has_perm(name) for name in one_of):
        return
    if getattr(request.user, "service_id", None) is None:
        raise NotFound(translate("there is nothing at {path}", path=request.path))
    names = [name for name, permission in SERVICE_PERMISSIONS.items() if permission in one_of]
    raise PermissionDenied(
        translate(
            "This service account has no permission for this. An administrator can give it one of: {names}.",
            names=", ".join(names),
        )
    )


def operator_of(request: Request) -> str:
    """Return the user as the actor that the log stores: `staff:anna` for a person, `service:erp` for a program."""
    user: Any = request.user
    return f"{'staff' if user.service_id is None else 'service'}:{user.get_username()}"


def service_of(request: Request) -> UUID:
    """Return the id of the service account that sent the request. Raises PermissionDenied for other users."""
    service_id: UUID | None = getattr(request.user, "service_id", None)
    if service_id is None:
        text = translate("Only a service account has endpoints of the shop. Ask an administrator for one.")
        raise PermissionDenied(text, code="not_a_service_account")
    return service_id


def sees_personal_data(user: Any) -> bool:
    """Return whether answers to this user contain personal data: to people of staff they do, as in the admin."""
    operator: Operator = user
    return operator.service_id is None or operator.has_perm(READ_PERSONAL_DATA)
