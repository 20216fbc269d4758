"""The page of approvals; and moves of money that were planned before their sender was named in the command."""

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Lower, Upper

_NAME_THE_SENDER = """
UPDATE planned_commands SET body = body || '{"by": "service:account-payments"}'
 WHERE process = 'account-payments' AND command_type IN ('account.deposit', 'account.withdraw')
"""

_NOTE_VERIFIED = """
UPDATE ordersite_user SET email_verified = true
 WHERE customer_id IN (
       SELECT aggregate_id FROM (
              SELECT DISTINCT ON (aggregate_id) aggregate_id, event_type FROM events
               WHERE aggregate_type = 'customer'
                 AND event_type IN ('customer.registered', 'customer.email_changed', 'customer.email_verified')
               ORDER BY aggregate_id, version DESC) latest
        WHERE event_type = 'customer.email_verified')
"""


def note_verified_addresses(apps: Any, schema_editor: Any) -> None:
    """Mark the addresses that the log says are verified."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_NOTE_VERIFIED)


def name_the_sender(apps: Any, schema_editor: Any) -> None:
    """Add `by`: without it, the rules refuse the references of these commands."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_NAME_THE_SENDER)


class Migration(migrations.Migration):
    dependencies = [
        ("ordersite", "0006_login_records"),
        ("eventstore", "0008_help_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="WaitingApproval",
            fields=[],
            options={
                "verbose_name": "approval",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("eventstore.event",),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(Upper("username"), name="user_username_upper"),
        ),
        migrations.AddField(
            model_name="user",
            name="email_verified",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Whether the customer proved to own the address. Until then others may name it too.",
            ),
        ),
        migrations.RunPython(note_verified_addresses, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint(model_name="user", name="customer_email_once"),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(("customer_id__isnull", False), ("email_verified", True))
                & models.Q(("email", ""), _negated=True),
                name="customer_email_once",
                violation_error_message="Another customer has this e-mail address.",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(Lower("email"), name="user_email_lower"),
        ),
        migrations.RunPython(name_the_sender, migrations.RunPython.noop, elidable=True),
    ]
