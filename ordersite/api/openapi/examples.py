"""Examples in the API's description: taken from the example order, or built from the schema of a body."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response

from eventstore.errors import AggregateNotFound, CommandRefused, ConcurrencyError, IdempotencyConflict
from eventstore.models import QueuedCommand
from orders.commands import PayOrder
from orders.http.allowed_requests import CUSTOMER_OPERATIONS, Operation, allowed_requests
from orders.http.i18n import translate
from orders.order import decide
from orders.policy import Policy
from ordersite.api.openapi import example_order
from ordersite.api.openapi.example_order import COMMAND_ID, ORDER_ID
from ordersite.api.openapi.hooks import operations
from ordersite.api.problems import CONTENT_TYPE, problem_response
from projections.reading.read_your_writes import NotYetVisible

JSON = "application/json"
COMPONENT = "#/components/schemas/"

FIELDS: dict[str, Any] = {
    "amount": "44.30", "billing_address": "12 Harbour Lane\nBristol\nBS1 4RN", "capture": True, "carrier": "DHL",
    "code": "STANDARD", "comment": "One too many.", "country": "United Kingdom", "currency": "GBP",
    "customer_email": "ada.whitfield@example.com", "customer_name": "Ada Whitfield",
    "damaged": [], "discount": "0.00", "discounts": [{"name": "WELCOME-5", "amount": "5.00"}],
    "email": "ada.whitfield@example.com", "line_id": 1, "lines": None, "name": "Stoneware mug, oatmeal",
    "order_id": str(ORDER_ID), "password": "a long sentence", "payment_id": 1, "payment_method": "card",
    "payment_reference": "pay_3141", "quantities": None, "quantity": 1, "reason": "Ordered twice",
    "reference": "PO-7", "refund_id": 1, "restocked": None, "return_id": 1, "shipment_id": 1,
    "shipping_address": "12 Harbour Lane\nBristol\nBS1 4RN", "sku": "MUG-201", "tax_rate": "20",
    "text": "Customer phoned: leave it with a neighbour", "tracking_code": "JD0146000068", "unit_price": "9.95",
    "url": "https://shop.example.com/hooks", "username": "ada", "version": 1, "visible": True,
}  # fmt: skip
"""Example values by field name. None: build the value from the schema. Optional fields not listed here are left out."""

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

_KINDS: dict[str, Any] = {"string": "example", "integer": 1, "number": 1, "boolean": True}
_FORMATS = {
    "uuid": str(ORDER_ID), "date-time": "2031-03-31T09:15:00Z", "date": "2031-03-31", "decimal": "9.95",
    "uri": "https://shop.example.com/", "email": "ada.whitfield@example.com",
}  # fmt: skip


def example_of(schema: dict[str, Any], components: dict[str, Any], *, whole: bool = False) -> Any:
    """Return a value that fits the schema. Of an object: required fields and those of FIELDS, or all if `whole`."""
    schema = _resolved(schema, components)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [example_of(schema["items"], components, whole=whole)]
    if schema.get("type") == "object" or "properties" in schema:
        required = schema.get("required", ())
        return {
            name: _field(name, field, components, whole=whole)
            for name, field in schema.get("properties", {}).items()
            if whole or name in required or name in FIELDS
        }
    return _FORMATS.get(schema.get("format", ""), _KINDS.get(schema.get("type", ""), "example"))


def _field(name: str, schema: dict[str, Any], components: dict[str, Any], *, whole: bool) -> Any:
    value = FIELDS.get(name)
    resolved = _resolved(schema, components)
    if value is not None and (name in ("damaged", "discounts") or "enum" not in resolved):
        return value
    return example_of(schema, components, whole=whole)


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and take the first of alternatives."""
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            schema = schema[key][0]
    if "$ref" in schema:
        return _resolved(components["schemas"][schema["$ref"].removeprefix(COMPONENT)], components)
    return schema


def _answers() -> dict[str, Any]:
    """Return the examples of answers, by the name of the component."""
    order, command = example_order.order(), {"command_id": str(COMMAND_ID), "order_id": str(ORDER_ID)}
    plain = {
        name: value for name, value in order.items() if name not in ("payments", "shipments", "refunds", "returns")
    }
    return {
        "Order": order,
        "PaginatedOrderList": {
            "next": "https://shop.example.com/api/v1/orders?cursor=cD0yMDMx&limit=1", "prev": None, "results": [plain]
        },
        "StaffOrder": example_order.staff_order(),
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
    "412": lambda: ConcurrencyError(ORDER_ID, 1, 2),
    "415": lambda: exceptions.UnsupportedMediaType("text/plain"),
    "422": lambda: IdempotencyConflict(COMMAND_ID),
    "429": lambda: exceptions.Throttled(wait=37),
    "503": lambda: NotYetVisible("not yet"),
}
"""The exceptions that examples of problems are made from, by status. `_OtherError` is for the other statuses."""


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
    accepted = _resolved(schema, components)["properties"]
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
    names: dict[tuple[str, str], str] = {}
    for operation in operations(result):
        for code, response in operation["responses"].items():
            media = response.get("content", {}).get(CONTENT_TYPE)
            if media is None:
                continue
            key = code, response["description"]
            if key not in names:
                same_status = sum(1 for other, _ in names if other == code)
                names[key] = f"Problem{code}" + ("" if not same_status else f"_{same_status + 1}")
                media["example"] = _problem(code)
                shared[names[key]] = response
            operation["responses"][code] = {"$ref": f"#/components/responses/{names[key]}"}


def _problem(code: str) -> Any:
    error = PROBLEMS.get(code)
    if error is None:
        return _problem_of(_OtherError(int(code)))
    return _problem_of(error())


class _OtherError(exceptions.APIException):
    """An error of any other status."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code
        code, text = {
            402: ("balance_too_low", "your account has only 10.00 GBP, not 44.30 GBP"),
            410: ("cursor_expired", "what came after this cursor is not held any more: begin anew, without one"),
            411: ("length_required", "send Content-Length: a body without it is not read"),
            413: ("body_too_large", "the body is too large: send less at once"),
            428: ("if_match_missing", 'Send the version you have seen as If-Match, such as "3", or * for any.'),
        }.get(status_code, ("error", "a description of the error"))
        super().__init__(text, code)


def _problem_of(error: Exception) -> Any:
    response = problem_response(error, {})
    assert isinstance(response, Response)
    return response.data
