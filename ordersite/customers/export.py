"""Export everything that the shop holds about a customer. Read from the log, so it is never behind."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from eventstore import store
from eventstore.records import type_name
from eventstore.storage.sizes import pages_of
from eventstore.store import Damaged, Recorded
from ordersite.customers.lookup import account_ids, all_order_ids
from ordersite.models import User
from projections.webhooks.http.serializers import WebhookEndpointSerializer
from projections.webhooks.models import WebhookEndpoint

SOURCES = ("you", "shop")
"""Who can cause an event, as the export says it."""


class FactSerializer(serializers.Serializer[Any]):
    """One event of the log, with its personal data decrypted."""

    version = serializers.IntegerField()
    event = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    by = serializers.ChoiceField(choices=SOURCES)
    details = serializers.DictField()


class HistorySerializer(serializers.Serializer[Any]):
    """All events of one order or account."""

    id = serializers.UUIDField(help_text="The id of the order or account.")
    history = FactSerializer(many=True)


class LoginSerializer(serializers.Serializer[Any]):
    """The login of the customer."""

    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    customer_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)


class TokenDatesSerializer(serializers.Serializer[Any]):
    """When a token was created and when it expires. The token itself is not stored."""

    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class ExportSerializer(serializers.Serializer[Any]):
    """Everything that the shop holds about you."""

    exported_at = serializers.DateTimeField()
    login = LoginSerializer()
    tokens = TokenDatesSerializer(many=True, help_text="Your log-ins through the API that are still valid.")
    customer = FactSerializer(many=True, help_text="The history of your name and e-mail address.")
    orders = HistorySerializer(many=True)
    accounts = HistorySerializer(many=True, help_text="The history of your money in this shop.")
    webhook_endpoints = WebhookEndpointSerializer(many=True, help_text="The URLs to which your events are sent.")


def export_customer(user: User) -> Iterator[bytes]:
    """Return the export as JSON text in the shape of ExportSerializer, piece by piece.

    A customer may have thousands of orders, so they are read a page at a time, when the page before was sent.
    """
    customer_id = user.customer_id
    assert customer_id
    everything = {
        "exported_at": timezone.now(),
        "login": {
            "username": user.username,
            "name": user.get_full_name(),
            "email": user.email,
            "customer_id": customer_id,
            "created_at": user.date_joined,
            "last_login": user.last_login,
        },
        "tokens": [
            {"created_at": created, "expires_at": expires}
            for created, expires in AuthToken.objects.filter(user=user).values_list("created", "expiry")
        ],
        "customer": _history(store.read_stream(customer_id, tolerant=True), customer_id),
        "orders": all_order_ids(customer_id),
        "accounts": account_ids(customer_id),
        "webhook_endpoints": WebhookEndpoint.objects.filter(customer_id=customer_id)
        .order_by("created_at", "id")
        .prefetch_related("previous_secrets"),
    }
    return _pieces(everything, customer_id)


def _pieces(everything: dict[str, Any], customer_id: UUID) -> Iterator[bytes]:
    before = b"{"
    for name, field in ExportSerializer().fields.items():
        yield before + _json(name) + b":"
        if name in ("orders", "accounts"):
            yield from _histories(everything[name], customer_id)
        else:
            yield _json(field.to_representation(everything[name]))
        before = b","
    yield b"}"


def _histories(aggregate_ids: Iterable[UUID], customer_id: UUID) -> Iterator[bytes]:
    """Yield the JSON array of the histories of those aggregates that have events."""
    yield b"["
    before = b""
    for page in pages_of(aggregate_ids):
        streams = store.read_streams(page, tolerant=True)
        for key in sorted(streams):
            history = {"id": key, "history": _history(streams[key], customer_id)}
            yield before + _json(HistorySerializer(history).data)
            before = b","
    yield b"]"


def _json(value: Any) -> bytes:
    text: bytes = JSONRenderer().render(value)
    return text


def _history(facts: Iterable[Recorded[Any]], customer_id: UUID) -> list[dict[str, Any]]:
    return [_fact(fact, customer_id) for fact in facts]


def _fact(fact: Recorded[Any], customer_id: UUID) -> dict[str, Any]:
    times: dict[str, datetime] = {"occurred_at": fact.occurred_at, "recorded_at": fact.timestamp}
    return times | {
        "version": fact.version,
        "event": type_name(fact.event),
        "by": "you" if fact.metadata.actor == f"customer:{customer_id}" else "shop",
        "details": {} if isinstance(fact.event, Damaged) else _without_staff(msgspec.to_builtins(fact.event)),
    }


def _without_staff(data: dict[str, Any]) -> dict[str, Any]:
    """Replace the names of staff, which are their own personal data."""
    return {
        name: "staff" if isinstance(value, str) and value.startswith("staff:") else value
        for name, value in data.items()
    }
