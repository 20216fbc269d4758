"""Links in the API's description: which operations can follow an answer, and which of its values they use."""

from collections.abc import Iterator
from typing import Any

_FROM_BODY = {"order_id": "$response.body#/order_id"}
_FROM_ETAG = {"header.If-Match": "$response.header.ETag"}
PLACING = {
    "order_create": "/api/v1/orders/{order_id}",
    "back_office_order_create": "/api/v1/back-office/orders/{order_id}",
}
"""Operations that create an order, with the path prefix of the operations on that order."""


def add_links(result: dict[str, Any], generator: Any, **more: Any) -> dict[str, Any]:
    """Add links to answers. A postprocessing hook of drf-spectacular.

    A new order links to all operations on it. A command links to operations that may follow it, with the version from
    its answer. An accepted command links to its outcome.
    """
    operations = {operation["operationId"]: (path, operation) for path, operation in _operations(result)}
    for placing, prefix in PLACING.items():
        of_order = {name: operation for name, (path, operation) in operations.items() if path.startswith(prefix)}
        links = {name: _link(name, operation) for name, operation in of_order.items()}
        _add_to_answers(operations[placing][1], links, "201")
        for operation in of_order.values():
            links = {name: _link(name, of_order[name]) for name in _always_possible(of_order)}
            _add_to_answers(operation, links, "200", "201")
    for _, operation in operations.values():
        outcome = {"operationId": "command_get", "parameters": {"command_id": "$response.body#/command_id"}}
        _add_to_answers(operation, {"command_get": outcome}, "202")
    return result


def _link(name: str, operation: dict[str, Any]) -> dict[str, Any]:
    parameters = {parameter.get("name") for parameter in operation.get("parameters", ())}
    return {"operationId": name, "parameters": _FROM_BODY | (_FROM_ETAG if "If-Match" in parameters else {})}


def _always_possible(of_order: dict[str, Any]) -> Iterator[str]:
    """Yield operations that may follow any other: reads, and commands that can be repeated."""
    names = ("order_get", "order_timeline", "order_cancel", "back_office_order_get", "back_office_add_note")
    return (name for name in names if name in of_order)


def _add_to_answers(operation: dict[str, Any], links: dict[str, Any], *codes: str) -> None:
    """Add the links to the answers with these statuses, if their body contains the order's id."""
    for code in codes:
        response = operation["responses"].get(code, {})
        media = response.get("content", {}).get("application/json", {})
        schema = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if schema in ("Answer", "Order", "StaffOrder", "Accepted"):
            response["links"] = links


def _operations(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in result["paths"].items():
        for operation in methods.values():
            yield path, operation
