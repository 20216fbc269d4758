"""No parameter of the API is answered with an error of the server. Paths and parameters come from its description."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import yaml
from rest_framework.test import APIClient

from ordersite.models import User
from tests.support.api import place
from tests.support.back_office import staff_client

pytestmark = pytest.mark.django_db(transaction=True)

DESCRIPTION = yaml.safe_load((Path(__file__).resolve().parents[3] / "docs" / "openapi.yml").read_text())
STREAM = "/events/stream"

VALUES = [
    *("%00", "", "0", "-1", "9" * 19, "9" * 5_005, "0" * 29 + "1" + "9" * 30, "1e400", "NaN", "Infinity", "%D9%A3"),
    *("0001-01-01", "9999-12-31", "9999-12-31T23:59:59.999999-12:00", "0001-01-01T00:00:00%2B14:00", "2031-02-30"),
    *(
        "[]",
        "{}",
        "%ED%A0%80",
        "%FF",
        "x" * 2_000,
        str(uuid4()),
        "cD0wMDAxLTAxLTAx",
        "cD05OTk5LTEyLTMx",
        "bz05OTk5OTk5OTk5",
    ),
]
"""Encoded as in a URL. The last three are cursors as a client could make them up."""
HEADERS = ["", "*", '"0"', '"999999999"', '"' + "9" * 5_000 + '"', "x" * 300, "\xff", "respond-async, " * 50, "a,b;c=d"]


def gets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each path with a GET, and the description of the GET."""
    for path, methods in DESCRIPTION["paths"].items():
        if "get" in methods and not path.endswith(STREAM):
            yield path, methods["get"]


def filled(path: str, order_id: str) -> str:
    """Return the path with the order's id, or with an id of nothing."""
    return path.replace("{order_id}", order_id).replace("{", "").replace("}", "") if "{order_id}" in path else path


def requests_of(path: str, get: dict[str, Any], order_id: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield addresses and headers with one hostile value each."""
    for stated in get.get("parameters", ()):
        parameter = (
            DESCRIPTION["components"]["parameters"][stated["$ref"].rpartition("/")[2]] if "$ref" in stated else stated
        )
        name = parameter["name"]
        match parameter["in"]:
            case "query":
                yield from ((f"{filled(path, order_id)}?{quote(name)}={value}", {}) for value in VALUES)
                yield f"{filled(path, order_id)}?{name}=1&{name}=2", {}
                yield f"{filled(path, order_id)}?{name}[]=1", {}
            case "path":
                yield from ((path.replace(f"{{{name}}}", value or "-"), {}) for value in VALUES)
            case "header":
                yield from ((filled(path, order_id), {name: value}) for value in HEADERS)


@pytest.mark.parametrize(("path", "get"), list(gets()), ids=[path for path, _ in gets()])
def test_no_value_of_a_parameter_breaks_an_answer(path: str, get: dict[str, Any], api: APIClient, ada: User) -> None:
    order_id = place(api)
    clients = (api, staff_client()) if "/back-office/" in path else (api,)
    broken = []
    for client in clients:
        client.raise_request_exception = False
        for address, headers in requests_of(path, get, order_id):
            if client.get(address, headers=headers).status_code == 500:
                broken.append(f"{address[:90]} {headers}")
    assert not broken, broken


BODIES = [
    b"", b"null", b"[]", b"7", b'"text"', b"{", b'{"a":' * 2_000, b"[" * 100_000, b'{"reason": "\\u0000"}', b"\xff",
    b'{"reason": "\\ud800"}', b'{"\\ud800": 1}', b'{"\\u0000": 1}', b'{"amount": 1e400}', b'{"amount": NaN}',
    b'{"amount": "NaN"}', b'{"amount": -Infinity}', b'{"amount": ' + b"9" * 5_005 + b"}", b'{"amount": "1E-999999"}',
    b'{"amount": "1E+999999"}', b'{"reason": ["a"]}', b'{"reason": {"a": 1}}', b'{"lines": [[]]}', b'{"lines": {}}',
    b'{"lines": [{"line_id": ' + b"9" * 30 + b', "quantity": 1}]}', b'{"lines": [{"line_id": 1, "quantity": -1}]}',
    b'{"refund_id": ' + b"9" * 30 + b"}", b'{"payment_id": 1e300}', b'{"currency": "\\u0000\\u0000\\u0000"}',
]  # fmt: skip


def posts() -> list[str]:
    """Return the paths with a POST."""
    return [path for path, methods in DESCRIPTION["paths"].items() if "post" in methods]


@pytest.mark.parametrize("path", posts())
def test_no_body_breaks_an_answer(path: str, api: APIClient, ada: User) -> None:
    order_id = place(api)
    client = staff_client() if "/back-office/" in path else api
    client.raise_request_exception = False
    broken = []
    for body in BODIES:
        address = path.replace("{order_id}", order_id)
        for name in ("payment_id", "refund_id", "return_id", "shipment_id"):
            address = address.replace(f"{{{name}}}", "9" * 30)
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"}
        if client.post(address, body, content_type="application/json", headers=headers).status_code == 500:
            broken.append(body[:60])
    assert not broken, broken


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_no_method_breaks_an_answer(method: str, api: APIClient, ada: User) -> None:
    """Also those that a path does not have, and with bodies that it would not take."""
    order_id, staff = place(api), staff_client()
    broken = []
    for path in DESCRIPTION["paths"]:
        client: Any = staff if "/back-office/" in path else api
        client.raise_request_exception = False
        for value in ("9" * 30, str(uuid4())):
            address = re.sub(r"\{\w+\}", value, path.replace("{order_id}", order_id))
            for body in (b"", BODIES[6], b'{"url": "http://[::1", "event_types": "\\u0000"}'):
                headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"}
                answer = client.generic(method.upper(), address, body, content_type="application/json", headers=headers)
                if answer.status_code == 500:
                    broken.append(f"{address} {body[:60]!r}")
    assert not broken, broken
