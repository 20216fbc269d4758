"""Examples in the API's description: taken from the example order, or built from the schema of a body."""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from eventstore.errors import AggregateNotFound, CommandRefused, ConcurrencyError, IdempotencyConflict
from eventstore.models import QueuedCommand
from orders.commands import PayOrder
from orders.http.allowed_requests import CUSTOMER_OPERATIONS, STAFF_OPERATIONS, Operation, allowed_requests
from orders.http.i18n import translate
from orders.order import decide
from orders.policy import Policy
from ordersite.api.openapi import example_order
from ordersite.api.openapi.describe import COMPONENT, resolve
from ordersite.api.openapi.example_order import COMMAND_ID, ORDER_ID
from ordersite.api.openapi.hooks import operations
from ordersite.api.problems import CONTENT_TYPE, problem_response, title_of
from projections.reading.read_your_writes import NotYetVisible

JSON = "application/json"

OPTIONAL = frozenset({
    "amount", "billing_address", "capture", "carrier", "comment", "country", "customer_email", "customer_name",
    "description", "discounts", "event_types", "lines", "quantities", "reason", "reference", "restocked",
    "shipping_address", "tax_rate", "text", "tracking_code",
})  # fmt: skip
"""The optional fields that examples of bodies contain."""

BODIES: dict[str, dict[str, Any]] = {
    "CreateOrderFor": {"customer_name": "Ada Whitfield"} | example_order.bodies()["CreateOrder"],
    "Credentials": {"username": "customer", "password": "demo-customer"},
    "EditOrder": {"quantities": [{"line_id": 1, "quantity": 3}]},
    "StageEdit": {"quantities": [{"line_id": 1, "quantity": 3}]},
    "HoldOrder": {"reason": "The address looks wrong"},
    "ReleaseOrder": {"reason": "The address is right"},
    "DeclineRefund": {"refund_id": 1, "reason": "The goods were used"},
    "DeclineReturn": {"return_id": 1, "reason": "Sent too long ago"},
    "FailRefund": {"refund_id": 1, "reason": "The account is closed"},
    "RecordPaymentFailure": {"amount": "44.30", "payment_method": "card", "reason": "The card was declined"},
    "RestoreOrder": {"version": 3, "reason": "Cancelled by mistake"},
    "VoidPayment": {"payment_id": 1, "reason": "Paid by transfer instead"},
    "WriteOff": {"reason": "Nobody answers"},
}
"""Examples by the name of a body, for bodies that the example order has not and that a schema would not explain."""


def example_of(schema: dict[str, Any], components: dict[str, Any], *, whole: bool = False) -> Any:
    """Return a value that fits the schema. Of an object: required fields and OPTIONAL ones, or all if `whole`."""
    if "example" in schema:
        return schema["example"]
    schema = resolve(schema, components["schemas"])
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [example_of(schema["items"], components, whole=whole)]
    required = schema.get("required", ())
    return {
        name: example_of(field, components, whole=whole)
        for name, field in schema.get("properties", {}).items()
        if whole or name in required or name in OPTIONAL
    }


_NOT_LISTED = ("payments", "shipments", "refunds", "returns", "allowed_actions")
"""The parts of an order that a list does not have unless they are asked for."""


def _answers() -> dict[str, Any]:
    """Return the examples of answers, by the name of the component."""
    order, command = example_order.order(), {"command_id": str(COMMAND_ID), "order_id": str(ORDER_ID)}
    staff_order = example_order.staff_order()
    plain = {name: value for name, value in order.items() if name not in _NOT_LISTED}
    return {
        "Order": order,
        "PaginatedOrderList": {
            "next": "https://shop.example.com/api/v1/orders?cursor=cD0yMDMx&limit=1", "prev": None, "results": [plain]
        },
        "StaffOrder": staff_order,
        "PaginatedListedStaffOrderList": {
            "next": "https://shop.example.com/api/v1/back-office/orders?cursor=cD0yMDMx&limit=1",
            "prev": None,
            "results": [{name: value for name, value in staff_order.items() if name not in _NOT_LISTED}],
        },
        **{part.title(): order[f"{part}s"][0] for part in ("payment", "shipment", "refund", "return")},
        "Moment": example_order.timeline(),
        "Rehearsal": example_order.rehearsal(),
        "Answer": {"order_id": str(ORDER_ID), "version": 2},
        "Accepted": {**command, "status": QueuedCommand.Status.WAITING},
        "Outcome": {**command, "status": QueuedCommand.Status.DONE, "version": 2},
        "Token": {"token": "f1d2d2f924e986ac86fdf7b36c94bcdf32beec15", "expiry": "2031-04-30T09:15:00Z"},
    }  # fmt: skip


def _refusal(operations: Sequence[Operation]) -> CommandRefused:
    """Return the refusal of a payment of the wrong amount, as customers or staff see it."""
    order = example_order.state_after(1)
    try:
        decide(PayOrder(order_id=ORDER_ID, amount=Decimal("50.00"), payment_method="card"), order, Policy())
    except CommandRefused as refusal:
        refusal.allowed_requests = allowed_requests(ORDER_ID, order, operations)
        return refusal
    raise AssertionError("the rules accept a payment of the wrong amount")


PROBLEMS: dict[str, Callable[[], Exception]] = {
    "400": lambda: exceptions.ValidationError(
        {"colour": [translate("There is no field '{name}' here.", name="colour")]}
    ),
    "401": exceptions.NotAuthenticated,
    "403": lambda: exceptions.PermissionDenied(translate("This account is not a customer's."), code="not_a_customer"),
    "404": lambda: AggregateNotFound("order_not_found", "there is no order {order_id}", order_id=ORDER_ID),
    "406": exceptions.NotAcceptable,
    "409": lambda: _refusal(CUSTOMER_OPERATIONS),
    "ConflictBackOffice": lambda: _refusal(STAFF_OPERATIONS),
    "412": lambda: ConcurrencyError(ORDER_ID, 1, 2),
    "415": lambda: exceptions.UnsupportedMediaType("text/plain"),
    "422": lambda: IdempotencyConflict(COMMAND_ID),
    "429": lambda: exceptions.Throttled(wait=37),
    "503": lambda: NotYetVisible("not yet"),
}
"""The exceptions that examples of problems are made from, by status or by the name of the answer."""


def add_examples(result: dict[str, Any], generator: Any, **more: Any) -> dict[str, Any]:
    """Add an example to each request and answer. A postprocessing hook of drf-spectacular, after `add_shared_parts`."""
    components = result["components"]
    answers, bodies = _answers(), example_order.bodies() | BODIES
    for operation in operations(result):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            if "examples" not in media:
                media.setdefault("example", _body(media["schema"], bodies, components))
        for code, response in operation["responses"].items():
            media = response.get("content", {}).get(JSON)
            if media and code.startswith("2") and "examples" not in media:
                media.setdefault("example", _answer(media["schema"], answers, components))
    _share_problems(result)
    return result


def _body(schema: dict[str, Any], bodies: dict[str, Any], components: dict[str, Any]) -> Any:
    """Return the body that the example order sends, without fields that this operation does not accept."""
    name = schema.get("$ref", "").removeprefix(COMPONENT).removeprefix("Patched").removesuffix("Request")
    if name not in bodies:
        return example_of(schema, components)
    accepted = resolve(schema, components["schemas"])["properties"]
    return {field: value for field, value in bodies[name].items() if field in accepted}


def _answer(schema: dict[str, Any], answers: dict[str, Any], components: dict[str, Any]) -> Any:
    many = schema.get("type") == "array"
    name = (schema["items"] if many else schema).get("$ref", "").removeprefix(COMPONENT)
    example = answers.get(name)
    if example is None:
        return example_of(schema, components, whole=True)
    return [example] if many and not isinstance(example, list) else example


def _share_problems(result: dict[str, Any]) -> None:
    """Move each kind of problem into a component, with one example, and refer to it."""
    shared: dict[str, Any] = result["components"].setdefault("responses", {})
    shared["TooManyRequests"]["content"][CONTENT_TYPE]["example"] = _problem("429")
    described = list(_described_problems(result))
    names = _names_of_problems(described)
    for operation, code, response in described:
        name = names[code, response["description"]]
        if name not in shared:
            response["content"][CONTENT_TYPE]["example"] = _problem(code, name)
            shared[name] = response
        operation["responses"][code] = {"$ref": f"#/components/responses/{name}"}


def _described_problems(result: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Yield each answer with a problem: the operation, the status and the answer."""
    for operation in operations(result):
        for code, response in operation["responses"].items():
            if CONTENT_TYPE in response.get("content", {}):
                yield operation, code, response


def _names_of_problems(described: list[tuple[dict[str, Any], str, dict[str, Any]]]) -> dict[tuple[str, str], str]:
    """Return a name for each status and description.

    It is that of the status, such as NotFound, for the description that most tags share. Otherwise the tag of the
    operations follows, and if that is not enough, the operation with the shortest name.
    """
    users: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for operation, code, response in described:
        users.setdefault((code, response["description"]), []).append(operation)
    tags = {key: {each["tags"][0] for each in own} for key, own in users.items()}
    names = {}
    for key, own in users.items():
        others = [tags[other] for other in users if other[0] == key[0] and other != key]
        name = _camel(title_of(int(key[0])))
        if any(len(other) >= len(tags[key]) for other in others):
            tag = own[0]["tags"][0]
            shortest: str = min((each["operationId"] for each in own), key=len)
            name += _camel(shortest if any(tag in other for other in others) else tag)
        names[key] = name
    return names


def _camel(words: str) -> str:
    return "".join(word.title() for word in re.split("[_ ]", words))


def _problem(status: str, name: str = "") -> Any:
    """Return the example for a status, or for the answer of this name."""
    own = OWN_PROBLEMS.get(name) or OWN_PROBLEMS.get(status)
    return _problem_of(_OwnError(int(status), *own) if own else PROBLEMS.get(name, PROBLEMS[status])())


OWN_PROBLEMS: dict[str, tuple[str, str]] = {
    "402": ("balance_too_low", "your account has only 10.00 GBP, not 44.30 GBP"),
    "410": ("cursor_expired", "some events after this one are no longer available: start again without a cursor"),
    "411": ("length_required", "send Content-Length: a body without it is not read"),
    "413": ("body_too_large", "the body is too large: send less at once"),
    "428": ("if_match_missing", 'Send the version you have seen as If-Match, such as "3", or * for any.'),
    "ConflictAccount": ("account_exists", "there is an account in GBP already"),
    "ConflictMeEmail": ("email_unchanged", "this is the address already"),
    "ConflictMeErasure": ("orders_open", "an order is still open: cancel it, or wait until it is complete"),
    "ConflictWebhookDeliveryRetry": ("not_given_up", "this delivery has not failed: it arrived, or is still pending"),
    "ConflictWebhookEndpointCreate": (
        "endpoint_exists",
        "you already have an endpoint with this URL: delete it to create it again",
    ),
    "ConflictWebhookEndpointTest": (
        "endpoint_disabled",
        "this endpoint is disabled: delete it and create it again",
    ),
    "ConflictWebhookSecretReplace": (
        "too_many_secrets",
        "earlier secrets of this endpoint sign still: end them first, or wait",
    ),
    "ForbiddenBackOffice": (
        "permission_denied",
        "This service account has no permission for this. An administrator can give it one of: read_orders.",
    ),
    "ForbiddenMeErasure": ("wrong_password", "Wrong password."),
    "NotFoundCommands": ("command_not_found", f"there is no command {COMMAND_ID}"),
    "NotFoundWebhookDeliveryRetry": ("delivery_not_found", "there is no such delivery"),
    "NotFoundWebhookDeliveryList": ("webhook_endpoint_not_found", "there is no such webhook endpoint"),
    "ServiceUnavailableAccountOpen": (
        "contended",
        "too many requests change this at the same time: send the same request again",
    ),
    "UnauthorizedLogin": ("wrong_credentials", "Wrong name or password."),
}
"""Code and text of examples that need no real exception, by status or by the name of the answer."""


class _OwnError(exceptions.APIException):
    """An error with a status, a code and a text."""

    def __init__(self, status_code: int, code: str, text: str) -> None:
        self.status_code = status_code
        super().__init__(text, code)


def _problem_of(error: Exception) -> Any:
    response = problem_response(error, {})
    assert isinstance(response, Response)
    return response.data
