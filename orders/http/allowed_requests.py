"""The requests with which a caller could change an order now: what a refusal offers instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from orders import commands as c
from orders.actions import STAFF_COMMANDS, name_of, possible_commands
from orders.state import Order

METHODS = ("POST", "PATCH")
"""The HTTP methods of operations that change an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation of the API that changes an order. It sends one of `commands`, depending on its body."""

    action: str
    operation_id: str
    method: str
    url_name: str
    commands: tuple[type, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedRequest:
    """A request that the order would accept now, given the right body."""

    action: str
    operation_id: str
    method: str
    href: str


CUSTOMER_OPERATIONS = (
    Operation(
        action="pay",
        operation_id="order_pay",
        method="POST",
        url_name="order-payments",
        commands=(c.PayOrder, c.PayFromAccount),
    ),
    Operation(
        action="cancel",
        operation_id="order_cancel",
        method="POST",
        url_name="order-cancel",
        commands=(c.CancelOrder, c.CancelLines),
    ),
    Operation(action="edit", operation_id="order_edit", method="POST", url_name="order-edits", commands=(c.EditOrder,)),
    Operation(
        action="request_return",
        operation_id="order_return",
        method="POST",
        url_name="order-returns",
        commands=(c.RequestReturn,),
    ),
    Operation(
        action="change_address",
        operation_id="order_change_address",
        method="PATCH",
        url_name="order-shipping-address",
        commands=(c.ChangeAddress,),
    ),
)
"""The operations with which customers change their own orders."""

STAFF_OPERATIONS = tuple(
    Operation(
        action=name_of(command),
        operation_id=f"back_office_{name_of(command)}",
        method="POST",
        url_name=f"back-office-{name_of(command)}",
        commands=(command,),
    )
    for command in STAFF_COMMANDS
)
"""The operations with which staff change an order: one for each command."""


def allowed_requests(
    order_id: UUID, order: Order, operations: Sequence[Operation], *, by: str = ""
) -> list[AllowedRequest]:
    """Return the requests that the order would accept now, among these operations; from the actor `by`, if given."""
    among = tuple(command for operation in operations for command in operation.commands)
    possible = {type(command) for command in possible_commands(order, among, by=by)}
    return [
        AllowedRequest(
            action=operation.action,
            operation_id=operation.operation_id,
            method=operation.method,
            href=reverse(operation.url_name, args=[order_id]),
        )
        for operation in operations
        if possible.intersection(operation.commands)
    ]
