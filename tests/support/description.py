"""The API's description as it is committed, and the operations in it that take a body."""

from pathlib import Path
from typing import Any

import yaml

DESCRIPTION = yaml.safe_load((Path(__file__).resolve().parents[2] / "docs" / "openapi.yml").read_text())


def writing() -> list[tuple[str, str, dict[str, Any]]]:
    """Return the path, the method and the description of each operation that takes a body."""
    return [
        (path, method, operation)
        for path, methods in DESCRIPTION["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    ]


def names_of(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of the bodies of an operation."""

    def properties(schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        found = dict(schema.get("properties", {}))
        for inner in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
            found |= properties(inner)
        return found

    return properties(operation["requestBody"]["content"]["application/json"]["schema"])
