"""What only Python reads is text: PostgreSQL took longer to make `jsonb` of it than for all the rest of a row."""

from django.db import migrations

import orders.state
import projections.engine.row_storage


class Migration(migrations.Migration):
    dependencies = [("projections", "0008_growth")]

    operations = [
        migrations.AlterField(
            model_name=model,
            name="state",
            field=projections.engine.row_storage.Encoded(default=orders.state.Order, of=orders.state.Order),
        )
        for model in ("accountingorder", "customerorder", "stafforder")
    ]
