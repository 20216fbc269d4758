"""Store the state as text, which only Python reads.

PostgreSQL took longer to parse it into `jsonb` than to write the rest of a row.
"""

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
