"""Everything that is kept of a customer, for them to take away: read from the log itself, so never behind it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone
from knox.models import AuthToken
from rest_framework import serializers

from eventstore import store
from eventstore.records import type_name
from eventstore.store import Damaged, Recorded
from ordersite.customers.lookup import account_ids, all_order_ids
from ordersite.models import User
from projections.webhooks.models import WebhookEndpoint
from projections.webhooks.serializers import WebhookEndpointSerializer


class FactSerializer(serializers.Serializer[Any]):
    """One event, as it stands in the log; what of it is encrypted there is readable here."""

    version = serializers.IntegerField()
    event = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    by = serializers.ChoiceField(choices=["you", "shop"])
    details = serializers.DictField()


class HistorySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Of the order, or of the account that money is in.")
    history = FactSerializer(many=True)


class LoginSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    customer_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)


class TokenDatesSerializer(serializers.Serializer[Any]):
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class ExportSerializer(serializers.Serializer[Any]):
    """Everything that is kept of you."""

    exported_at = serializers.DateTimeField()
    login = LoginSerializer()
    tokens = TokenDatesSerializer(many=True, help_text="When you logged in, as far as that still counts.")
    customer = FactSerializer(many=True, help_text="What happened to your name and address.")
    orders = HistorySerializer(many=True)
    accounts = HistorySerializer(many=True, help_text="Your money in this shop.")
    webhook_endpoints = WebhookEndpointSerializer(many=True, help_text="Where your events are sent.")


def export_customer(user: User) -> dict[str, Any]:
    """What ExportSerializer describes, as JSON."""
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
        "customer": _told(store.read_stream(customer_id, tolerant=True), customer_id),
        "orders": _histories(all_order_ids(customer_id), customer_id),
        "accounts": _histories(account_ids(customer_id), customer_id),
        "webhook_endpoints": WebhookEndpoint.objects.filter(customer_id=customer_id).order_by("created_at", "id"),
    }
    shown: dict[str, Any] = ExportSerializer(everything).data
    return shown


def _histories(aggregate_ids: Iterable[UUID], customer_id: UUID) -> list[dict[str, Any]]:
    read = store.read_streams(aggregate_ids, tolerant=True)
    return [{"id": each, "history": _told(read[each], customer_id)} for each in sorted(read)]


def _told(facts: Iterable[Recorded[Any]], customer_id: UUID) -> list[dict[str, Any]]:
    return [_fact(fact, customer_id) for fact in facts]


def _fact(fact: Recorded[Any], customer_id: UUID) -> dict[str, Any]:
    moments: dict[str, datetime] = {"occurred_at": fact.occurred_at, "recorded_at": fact.timestamp}
    return moments | {
        "version": fact.version,
        "event": type_name(fact.event),
        "by": "you" if fact.metadata.actor == f"customer:{customer_id}" else "shop",
        "details": {} if isinstance(fact.event, Damaged) else _without_staff(msgspec.to_builtins(fact.event)),
    }


def _without_staff(data: dict[str, Any]) -> dict[str, Any]:
    """Who of the staff did something is their own personal data."""
    return {
        name: "staff" if isinstance(value, str) and value.startswith("staff:") else value
        for name, value in data.items()
    }
