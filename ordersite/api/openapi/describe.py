"""Describe each property, parameter, enumeration and operation, with an example, in the words of `vocabulary`."""

from collections.abc import Iterator
from typing import Any

from ordersite.api.openapi.hooks import operations
from ordersite.api.openapi.vocabulary import ENUMS, WORDS

COMPONENT = "#/components/schemas/"


class Undescribed(Exception):
    """A part of the API has no description. Add a help text to its field, or an entry to `openapi/vocabulary.py`."""


def describe(result: dict[str, Any], generator: Any, **more: Any) -> dict[str, Any]:
    """Add the missing descriptions and the examples of properties. A postprocessing hook of drf-spectacular.

    Raises Undescribed.
    """
    schemas = result["components"]["schemas"]
    for name, schema in schemas.items():
        if "enum" in schema:
            _describe_enum(name, schema)
    for name, schema in schemas.items():
        schema.setdefault("description", _page_of(schema) or "")
        for field, described in schema.get("properties", {}).items():
            _describe_property(f"{name.removesuffix('Request')}.{field}", described, schemas)
    for operation in operations(result):
        operation["summary"] = operation["description"].partition("\n")[0].partition(". ")[0].rstrip(".")
        for described in (operation, *_callbacks(operation)):
            described.setdefault("security", [])
        _require_body(operation, schemas)
        for parameter in operation.get("parameters", ()):
            if "$ref" not in parameter and not parameter.get("description"):
                parameter["description"] = _words(f"parameter.{parameter['name']}")[0]
    return result


def _callbacks(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operations of a customer's server that this operation announces."""
    for urls in operation.get("callbacks", {}).values():
        for methods in urls.values():
            yield from methods.values()


def _require_body(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Mark a body as required if it has required fields; drf-spectacular leaves this out for alternatives."""
    body = operation.get("requestBody", {})
    for media in body.get("content", {}).values():
        if resolve(media["schema"], schemas).get("required"):
            body["required"] = True


def _words(path: str) -> tuple[str, Any]:
    words = WORDS.get(path) or WORDS.get(path.partition(".")[2])
    if words is None:
        raise Undescribed(f"{path}: {Undescribed.__doc__}")
    return words


def _describe_enum(name: str, schema: dict[str, Any]) -> None:
    if name not in ENUMS:
        raise Undescribed(f"{name}: {Undescribed.__doc__}")
    schema["description"] = ENUMS[name]


def _page_of(schema: dict[str, Any]) -> str | None:
    return "A page of a list." if "results" in schema.get("properties", {}) else None


def _describe_property(path: str, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add the description and the example of one property."""
    if "$ref" in schema:  # nothing may stand beside a reference
        schema["allOf"] = [{"$ref": schema.pop("$ref")}]
    if not schema.get("description"):
        schema["description"] = _words(path)[0]
    if "example" in schema or not _is_value(schema, schemas):
        return
    default = schema.get("default")
    example = _words(path)[1] if path in WORDS or default in (None, "") else default
    schema["example"] = _fitting(example, path, schema, schemas)


def _is_value(schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Return whether the property is one value, or a list of such, and so has an example of its own."""
    resolved = resolve(schema, schemas)
    if resolved.get("type") == "array":
        return "$ref" not in resolved["items"] or "enum" in resolve(resolved["items"], schemas)
    return "properties" not in resolved


def _fitting(example: Any, path: str, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return the example, or the first value of an enumeration that does not contain it."""
    values = resolve(schema, schemas).get("enum")
    if values and example not in values:
        return values[0]
    if example is None and not schema.get("nullable"):
        raise Undescribed(f"{path} has no example: {Undescribed.__doc__}")
    return example


def resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and take the first of alternatives."""
    for alternatives in ("allOf", "oneOf", "anyOf"):
        if alternatives in schema:
            schema = schema[alternatives][0]
    if "$ref" in schema:
        return resolve(schemas[schema["$ref"].removeprefix(COMPONENT)], schemas)
    return schema


def properties(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each property of each component, under `Component.property`."""
    for name, schema in result["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            yield f"{name}.{field}", described
