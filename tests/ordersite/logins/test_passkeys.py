"""What the site adds to the library of passkeys: hostile bodies are refused, and attempts are counted and noted.

The ceremonies themselves, in a browser with a virtual authenticator, are in `tests/browser/test_second_factor.py`.
"""

import json
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django_otp_webauthn.models import WebAuthnCredential

from ordersite.logins import passkeys, second_factor
from ordersite.models import LoginRecord, User
from tests.support.access import browser_of, person
from tests.support.logins import stale

pytestmark = pytest.mark.django_db(transaction=True)
AT = "/admin/second-factor/passkeys/"


def with_passkey(user: User, number: int = 1) -> WebAuthnCredential:
    return WebAuthnCredential.objects.create(user=user, credential_id=b"%d" % number, public_key=b"x", confirmed=True)


def credential(**changed: Any) -> dict[str, Any]:
    response = {"clientDataJSON": "e30", "attestationObject": "oA", "authenticatorData": "AA", "signature": "AA"}
    whole = {"id": "MQ", "rawId": "MQ", "type": "public-key", "response": response, "clientExtensionResults": {}}
    return whole | changed


BODIES: dict[str, bytes] = {
    "no UTF-8": b"\xff\xfe",
    "nested": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "digits": b'{"id": ' + b"9" * 5000 + b"}",
    "infinite": b'{"id": Infinity}',
    "no object": b"[1]",
    "null": b"null",
    "nothing": b"",
    "half": b'{"id"',
    "surrogate": b'{"id": "\\ud800", "rawId": "\\ud800", "type": "public-key", "response": {}}',
    "no response": json.dumps(credential(response=None)).encode(),
    "wrong base64": json.dumps(credential(rawId="é=", response={"userHandle": "é"})).encode(),
    "wrong handle": json.dumps(credential(response={**credential()["response"], "userHandle": "A"})).encode(),
    "handle of letters": json.dumps(credential(response={**credential()["response"], "userHandle": "é"})).encode(),
    "extensions": json.dumps(credential(clientExtensionResults=None)).encode(),
    "well-formed": json.dumps(credential()).encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("ceremony", ["registration", "authentication"])
def test_no_body_is_an_error_of_the_site(ceremony: str, body: bytes) -> None:
    anna = person("anna")
    if ceremony == "authentication":
        with_passkey(anna)
    browser = browser_of(anna)
    begun = browser.post(f"{AT}{ceremony}/begin/", body, "application/json")
    assert begun.status_code in (200, 400)
    assert browser.post(f"{AT}{ceremony}/begin/").status_code == 200
    answer = browser.post(f"{AT}{ceremony}/complete/", body, "application/json")
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]
    is_in = browser.get("/admin/").status_code == 200
    assert is_in == (ceremony == "registration")
    assert WebAuthnCredential.objects.count() == (ceremony == "authentication")


def test_a_refused_passkey_is_noted_and_attempts_are_limited(settings: Any) -> None:
    anna = person("anna")
    with_passkey(anna)
    browser = browser_of(anna)
    settings.LOGIN_RATE = "6/min"
    sent = [browser.post(f"{AT}authentication/complete/", credential(), "application/json") for _ in range(5)]
    assert sent[0].status_code == 400
    assert sent[-1].status_code == 429
    noted = LoginRecord.objects.filter(name="anna", kind="code_refused")
    assert noted.filter(detail__startswith="passkey").count() == 5


def test_an_account_has_so_many_factors_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_factor, "MOST_FACTORS", 0)
    browser = browser_of(person("anna"))
    refused = browser.post(f"{AT}registration/begin/")
    assert refused.status_code == 403
    assert "Remove one first" in refused.json()["detail"]
    assert browser.get("/admin/second-factor/app/").status_code == 302
    assert "Remove one first" in browser.get("/admin/second-factor/").content.decode()


def test_a_passkey_is_added_only_after_a_fresh_password() -> None:
    browser = stale(person("anna"))
    refused = browser.post(f"{AT}registration/begin/")
    assert (refused.status_code, refused.json()["code"]) == (403, "password_needed")
    page = browser.get("/admin/second-factor/").content.decode()
    assert "passkey-register-button" not in page, "the button would not work"
    asked: Any = browser.post("/admin/second-factor/passkey/")
    assert asked.status_code == 403
    assert asked.context["back"] == "/admin/second-factor/"
    led = browser.post("/admin/second-factor/passkey/", {"fresh_password": "secret-1"})
    assert led.status_code == 302
    assert "passkey-register-button" in browser.get(led["Location"]).content.decode()


@pytest.mark.parametrize(
    ("host", "usable", "other"),
    [
        ("shop.example.com", True, ""),
        ("shop.example.com:8443", True, ""),
        ("localhost:8000", True, ""),
        ("127.0.0.1:8000", False, "http://localhost:8000/admin/"),
        ("[::1]:8000", False, "http://localhost:8000/admin/"),
        ("192.0.2.7", False, ""),
    ],
)
def test_passkeys_are_for_names_of_hosts(settings: Any, host: str, usable: bool, other: str) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    request = RequestFactory().get("/admin/", headers={"host": host})
    assert passkeys.can_be_used(request) is usable
    assert passkeys.other_address(request) == other
    assert ":" not in passkeys.host_of(request).strip("[]") or not usable


@pytest.mark.parametrize("code", ["\0", "\0" * 40, "9" * 5000, "٣" * 6, "a" * 5000, "💥", "'; --"])
def test_no_code_is_an_error_of_the_site(code: str) -> None:
    anna = person("anna")
    with_passkey(anna)
    second_factor.new_recovery_codes(anna)
    browser = browser_of(anna)
    assert browser.post("/admin/second-factor/check/", {"code": code}).status_code == 200
    body = {"username": "anna", "password": "secret-1", "second_factor": code[:40]}
    assert Client().post("/api/v1/auth/login", body, "application/json").status_code in (400, 401)
    other = person("ben")
    assert browser_of(other).post("/admin/second-factor/app/", {"code": code}).status_code == 200
