"""Secrets of endpoints that change while messages arrive."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient
from standardwebhooks.webhooks import WebhookVerificationError

from ordersite.models import User
from projections.webhooks import deliveries, tasks
from projections.webhooks.models import WebhookPreviousSecret
from tests.support.admin import act
from tests.support.api import place, problem
from tests.support.programs import program
from tests.support.site import client_of, make_customer
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.webhooks import ENDPOINTS, subscribe


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def replace_secret(api: APIClient, endpoint: dict[str, Any], base: str = ENDPOINTS, **more: Any) -> dict[str, Any]:
    key = more.pop("key", None)
    headers = {"Idempotency-Key": key} if key else {}
    answer = api.post(f"{base}/{endpoint['id']}/secret", more, format="json", headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    replaced: dict[str, Any] = answer.json()
    return replaced


def verifying(api: APIClient, receiver: Receiver, *secrets: str) -> list[bool]:
    """Send one message; return which of the secrets verify it."""
    receiver.got.clear()
    place(api)
    tasks.run()
    return [verifies(receiver, secret) for secret in secrets]


def verifies(receiver: Receiver, secret: str) -> bool:
    try:
        return len(receiver.messages(secret)) == 1
    except WebhookVerificationError:
        return False


def test_a_replaced_secret_signs_too_until_its_time_is_over(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    replaced = replace_secret(api, endpoint, overlap_seconds=3600)
    old, new = endpoint["secret"], replaced["secret"]
    assert new.startswith("whsec_")
    assert old != new
    assert verifying(api, receiver, old, new) == [True, True]
    assert len(receiver.got[0][0]["webhook-signature"].split(" ")) == 2
    (listed,) = api.get(ENDPOINTS).json()["results"]
    assert listed["previous_secrets_until"] == replaced["previous_secrets_until"]
    assert "secret" not in listed
    WebhookPreviousSecret.objects.update(valid_until=timezone.now())
    assert verifying(api, receiver, old, new) == [False, True]
    assert api.get(ENDPOINTS).json()["results"][0]["previous_secrets_until"] is None


def test_a_replaced_secret_can_be_ended_at_once(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    new = replace_secret(api, endpoint)["secret"]
    assert api.delete(f"{ENDPOINTS}/{endpoint['id']}/previous-secrets").status_code == 204
    assert verifying(api, receiver, endpoint["secret"], new) == [False, True]
    newest = replace_secret(api, endpoint, overlap_seconds=0)["secret"]
    assert verifying(api, receiver, new, newest) == [False, True]


def test_a_repeat_with_the_same_key_replaces_nothing(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    first = replace_secret(api, endpoint, key="leak-1")
    assert replace_secret(api, endpoint, key="leak-1") == first
    assert WebhookPreviousSecret.objects.count() == 1
    assert replace_secret(api, endpoint, key="leak-2")["secret"] != first["secret"]


def test_a_secret_that_servers_still_use_is_not_pushed_out(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    replace_secret(api, endpoint)
    newest = replace_secret(api, endpoint)["secret"]
    problem(api.post(f"{ENDPOINTS}/{endpoint['id']}/secret"), 409, "too_many_secrets")
    assert verifying(api, receiver, endpoint["secret"], newest) == [True, True]


@pytest.mark.parametrize("seconds", [-1, 604_801, "long", None])
def test_the_time_of_a_replaced_secret_is_bounded(api: APIClient, receiver: Receiver, seconds: Any) -> None:
    endpoint = subscribe(api, receiver.url)
    refused = api.post(f"{ENDPOINTS}/{endpoint['id']}/secret", {"overlap_seconds": seconds}, format="json")
    assert problem(refused, 400, "invalid")["errors"][0]["field"] == "overlap_seconds"


def test_another_customers_secret_cannot_be_replaced_or_ended(api: APIClient, receiver: Receiver) -> None:
    endpoint, bea = subscribe(api, receiver.url), client_of(make_customer("bea"))
    replace_secret(api, endpoint)
    path = f"{ENDPOINTS}/{endpoint['id']}"
    problem(bea.post(f"{path}/secret"), 404, "webhook_endpoint_not_found")
    problem(bea.delete(f"{path}/previous-secrets"), 404, "webhook_endpoint_not_found")
    assert WebhookPreviousSecret.objects.get().valid_until > timezone.now()


def test_a_secret_is_stored_encrypted_and_deleted_some_time_after_its_end(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    replace_secret(api, endpoint)
    assert endpoint["secret"].encode() not in bytes(WebhookPreviousSecret.objects.get().secret)
    deliveries.prune()
    assert WebhookPreviousSecret.objects.exists()
    WebhookPreviousSecret.objects.update(valid_until=timezone.now() - timedelta(days=31))
    deliveries.prune()
    assert not WebhookPreviousSecret.objects.exists()


def test_a_program_of_the_shop_replaces_its_secret_too(api: APIClient, receiver: Receiver) -> None:
    erp, base = program("erp", "manage_webhooks"), "/api/v1/back-office/webhook-endpoints"
    endpoint = erp.post(base, {"url": receiver.url}, format="json").json()
    new = replace_secret(erp, endpoint, base)["secret"]
    assert verifying(api, receiver, endpoint["secret"], new) == [True, True]
    assert erp.delete(f"{base}/{endpoint['id']}/previous-secrets").status_code == 204
    assert verifying(api, receiver, endpoint["secret"], new) == [False, True]


def test_an_operator_can_end_replaced_secrets(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    new = replace_secret(api, endpoint)["secret"]
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    answer = act(boss, reverse("admin:projections_webhookendpoint_changelist"), "end_previous_secrets", endpoint["id"])
    assert b"1 secret ended" in answer.content
    assert verifying(api, receiver, endpoint["secret"], new) == [False, True]
