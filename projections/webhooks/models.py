"""Tables of webhook endpoints and their deliveries."""

import secrets
from base64 import b64encode
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from eventstore.models import Contents
from eventstore.personal_data import encryption

SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret as https://www.standardwebhooks.com defines it."""
    return f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


class WebhookEndpoint(models.Model):
    """A URL that receives the events of a customer's orders, or, for a service account, of all orders.

    The secret is encrypted under the owner's own key.
    """

    contents = Contents.TRUTH

    id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField(null=True)
    service_id = models.UUIDField(null=True, help_text="The service account; then the events of all orders are sent.")
    url = models.TextField()
    description = models.TextField(blank=True)
    event_types = models.JSONField(default=list, help_text="Which events are sent; empty: all.")
    secret = models.BinaryField()
    since = models.BigIntegerField(help_text="Events up to this position are not sent.")
    created_at = models.DateTimeField(db_default=Now())
    failures = models.PositiveIntegerField(default=0, help_text="Failures in a row.")
    slow_answers = models.PositiveIntegerField(default=0, help_text="Slow answers in a row.")
    resting_until = models.DateTimeField(
        null=True, help_text="Nothing is sent before then, because it failed or was slow a moment ago."
    )
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.TextField(blank=True)

    class Meta:
        app_label = "projections"
        db_table = "webhook_endpoints"
        constraints = (
            models.UniqueConstraint(fields=("customer_id", "url"), name="webhook_endpoint_once"),
            models.UniqueConstraint(fields=("service_id", "url"), name="webhook_endpoint_service_once"),
            models.CheckConstraint(
                condition=models.Q(customer_id=None) ^ models.Q(service_id=None), name="webhook_endpoint_one_owner"
            ),
        )

    def __str__(self) -> str:
        return self.url

    @property
    def owner_id(self) -> UUID:
        """Return the id of the customer or of the service account."""
        owner: UUID | None = self.customer_id or self.service_id
        assert owner is not None
        return owner

    def store_secret(self, secret: str) -> None:
        """Set the secret, encrypted. The caller saves the row. Raises SubjectWasErased."""
        self.secret = encryption.encrypt_bytes(self.owner_id, UUID(str(self.id)), secret.encode())

    def reveal_secret(self) -> str:
        """Return the secret, decrypted. Raises SubjectWasErased, WrongKey."""
        return self._decrypt(self.secret)

    def reveal_secrets(self) -> tuple[str, ...]:
        """Return every secret that signs now, the newest first. Raises SubjectWasErased, WrongKey."""
        now = timezone.now()
        previous = [each for each in self.previous_secrets.all() if each.valid_until > now]
        return (self.reveal_secret(), *(self._decrypt(each.secret) for each in previous))

    def _decrypt(self, secret: bytes | memoryview) -> str:
        return encryption.decrypt_bytes(self.owner_id, UUID(str(self.id)), bytes(secret)).decode()


class WebhookPreviousSecret(models.Model):
    """A secret of an endpoint that was replaced. It signs too until `valid_until`, encrypted as the current one is."""

    contents = Contents.TRUTH

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="previous_secrets")
    secret = models.BinaryField()
    replacement_id = models.UUIDField(help_text="The request that replaced it: a repeat replaces nothing.")
    valid_until = models.DateTimeField()

    class Meta:
        app_label = "projections"
        db_table = "webhook_previous_secrets"
        constraints = (
            models.UniqueConstraint(fields=("endpoint", "replacement_id"), name="webhook_previous_secret_once"),
        )
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.endpoint_id} until {self.valid_until:%Y-%m-%d %H:%M}"


class DeliveryStatus(models.TextChoices):
    """The state of a delivery. A pending delivery is not sent yet, or will be retried."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class WebhookDelivery(models.Model):
    """One event for one endpoint. The message is not stored here; it is made from the log at each attempt."""

    contents = Contents.TRUTH

    id = models.BigAutoField(primary_key=True, help_text="The order in which they are sent, aggregate by aggregate.")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField(help_text="Also the `webhook-id`, the same in every attempt.")
    position = models.BigIntegerField(null=True, help_text="The event's position in the log; empty for a test.")
    aggregate_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    tries = models.PositiveIntegerField(default=0, help_text="Attempts since the event or the last retry.")
    attempts: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, help_text="The time and the answer of each attempt."
    )
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    claimed_until = models.DateTimeField(null=True, help_text="It is on its way until then, or until its answer comes.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "projections"
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"
        constraints = (models.UniqueConstraint(fields=("endpoint", "event_id"), name="webhook_delivery_once"),)
        indexes = (
            models.Index(
                fields=("endpoint", "aggregate_id", "id"),
                condition=models.Q(status="pending"),
                name="webhook_delivery_pending",
            ),
            models.Index(fields=("endpoint", "id"), condition=models.Q(status="pending"), name="webhook_delivery_next"),
            models.Index(fields=("due_at",), condition=models.Q(status="pending"), name="webhook_delivery_due"),
            models.Index(fields=("endpoint", "-id"), name="webhook_delivery_endpoint"),
            models.Index(fields=("finished_at",), name="webhook_delivery_finished"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"
