"""Reword help texts and a message. No table changes."""

import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("ordersite", "0002_people"),
    ]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="customer_id",
            field=models.UUIDField(
                blank=True, help_text="The customer whose orders this person may see.", null=True, unique=True
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="is_demo",
            field=models.BooleanField(
                default=False, editable=False, help_text="Made by the demo shop; cannot log in in production."
            ),
        ),
        migrations.AlterConstraint(
            model_name="user",
            name="customer_email_once",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                condition=models.Q(("customer_id__isnull", False), models.Q(("email", ""), _negated=True)),
                name="customer_email_once",
                violation_error_message="Another customer has this e-mail address.",
            ),
        ),
    ]
