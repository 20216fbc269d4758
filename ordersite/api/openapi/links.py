"""Links in the API's description: which operation an answer leads to, and what of it is sent there."""

from collections.abc import Iterator
from typing import Any

_MADE = {"order_id": "$response.body#/order_id"}
_SEEN = {"header.If-Match": "$response.header.ETag"}
PLACING = {
    "order_create": "/api/v1/orders/{order_id}",
    "back_office_order_create": "/api/v1/back-office/orders/{order_id}",
}
"""By the operation that makes an order: where what can be done with it is."""


def add_links(result: dict[str, Any], generator: Any, **more: Any) -> dict[str, Any]:
    """A hook of drf-spectacular's. A new order leads to all that can be done with it; what is accepted, to its outcome.

    A command to an order leads to reading it, and to the commands after it with the version that it answered.
    """
    operations = {operation["operationId"]: (path, operation) for path, operation in _operations(result)}
    for placing, below in PLACING.items():
        around = {name: op for name, (path, op) in operations.items() if path.startswith(below)}
        links = {name: _link(name, operation) for name, operation in around.items()}
        _lead(operations[placing][1], links, "201")
        for operation in around.values():
            _lead(operation, {name: _link(name, around[name]) for name in _next(around)}, "200", "201")
    for _, operation in operations.values():
        outcome = {"operationId": "command_get", "parameters": {"command_id": "$response.body#/command_id"}}
        _lead(operation, {"command_get": outcome}, "202")
    return result


def _link(name: str, operation: dict[str, Any]) -> dict[str, Any]:
    asked = {each.get("name") for each in operation.get("parameters", ())}
    return {"operationId": name, "parameters": _MADE | (_SEEN if "If-Match" in asked else {})}


def _next(around: dict[str, Any]) -> Iterator[str]:
    """What everything leads to: reading the order, and doing something with it that can be done again."""
    wanted = ("order_get", "order_timeline", "order_cancel", "back_office_order_get", "back_office_add_note")
    return (name for name in wanted if name in around)


def _lead(operation: dict[str, Any], links: dict[str, Any], *codes: str) -> None:
    """Where the answer names the order."""
    for code in codes:
        response = operation["responses"].get(code, {})
        media = response.get("content", {}).get("application/json", {})
        named = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if named in ("Answer", "Order", "StaffOrder", "Accepted"):
            response["links"] = links


def _operations(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in result["paths"].items():
        for operation in methods.values():
            yield path, operation
