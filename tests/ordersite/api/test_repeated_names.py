"""A name that stands twice in one object of JSON is refused by name, by every door that reads JSON from outside."""

import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from rest_framework.test import APIClient

from eventstore.errors import CorruptLine
from eventstore.histories.importer import import_history
from eventstore.models import Event
from orders.http.access import SERVICE_PERMISSIONS
from ordersite.backup import manifest
from tests.support.access import browser_of, person
from tests.support.api import BODY, ORDERS, RUSSIAN, place, problem
from tests.support.back_office import staff_client
from tests.support.description import names_of, writing
from tests.support.histories import file_of, paid_booking
from tests.support.programs import program

PASSKEYS = "/admin/second-factor/passkeys/"


def sent(client: APIClient, method: str, path: str, body: str, **headers: str) -> Any:
    headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*", **headers}
    return client.generic(method.upper(), path, body, content_type="application/json", headers=headers)


def test_every_operation_with_a_body_refuses_it(api: APIClient) -> None:
    order_id, walked, erp = place(api), 0, program("erp", *SERVICE_PERMISSIONS)
    staff = staff_client()
    for path, method, operation in writing():
        client = api if "/back-office/" not in path else erp if "webhook" in path else staff
        address = path.format(order_id=order_id, endpoint_id=uuid4(), event_id=uuid4(), approval_id=uuid4())
        for name in names_of(operation):
            answer = sent(client, method, address, f'{{"{name}": null, "{name}": null}}')
            if answer.status_code == 404 and "{endpoint_id}" in path:
                continue  # there is no such endpoint, and its body was not read
            assert answer.status_code == 400, f"{method} {path}: {answer.status_code}"
            assert f"'{name}' twice" in problem(answer, 400, "parse_error")["detail"], f"{method} {path}"
            walked += 1
    assert walked > 50


def test_what_stands_twice_deep_inside_or_as_an_escape_is_refused_too(api: APIClient) -> None:
    line = json.dumps(BODY["lines"][0])
    order = json.dumps(BODY)
    for body, name in (
        (order.replace(line, line[:-1] + ', "unit_price": "0.01"}', 1), "unit_price"),
        (order[:-1] + r', "curr\u0065ncy": "USD"}', "currency"),
        ('{"' + "y" * 900 + '": 1, "' + "y" * 900 + '": 1}', "y" * 50),
    ):
        assert f"'{name}' twice" in problem(sent(api, "post", ORDERS, body), 400, "parse_error")["detail"]
    assert not Event.objects.exists()
    refused = sent(api, "post", ORDERS, order[:-1] + ', "currency": "USD"}', **RUSSIAN)
    assert "«currency» стоит дважды" in problem(refused, 400, "parse_error")["detail"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["by", "version", "actor"])
def test_a_history_with_a_name_twice_is_not_imported(name: str) -> None:
    lines = file_of(paid_booking())
    before = Event.objects.count()
    place_of = lines[1].find('"data": {') + len('"data": {')
    lines[1] = f'{lines[1][:place_of]}"{name}": "a", "{name}": "b", {lines[1][place_of:]}'
    with pytest.raises(CorruptLine, match=f"'{name}' stands twice"):
        import_history(io.BytesIO("\n".join(lines).encode()))
    assert Event.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_a_seal_with_a_name_twice_is_not_taken_for_one(tmp_path: Path) -> None:
    statement = json.dumps({"seal": 1, "after": 0, "through": 9, "public_key": "00"})
    seal = json.dumps({"statement": statement, "signature": "00"})
    (tmp_path / "seals").write_text(seal[:-1] + ', "signature": "11"}')
    with pytest.raises(CommandError, match="line 1 of"):
        call_command("verify_log", "--against", str(tmp_path / "seals"))


def test_a_manifest_with_a_name_twice_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / manifest.NAME).write_text('{"format": 1, "format": 2}')
    with pytest.raises(manifest.BadBackup, match="'format' stands twice"):
        manifest.read(tmp_path)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("operation", ["registration", "authentication"])
def test_a_passkey_in_bad_json_is_refused(operation: str) -> None:
    browser = browser_of(person("anna"))
    browser.raise_request_exception = False
    for step in ("begin", "complete"):
        for body in (b'{"id": 1, "id": 2}', b"\xff", b"[" * 100_000, b"9" * 5_000, b'{"id": NaN}', b"[1]", b'"x"'):
            answer = browser.post(f"{PASSKEYS}{operation}/{step}/", data=body, content_type="application/json")
            assert answer.status_code == 400, (step, body[:20])
