"""Pin the search path of the log's functions: no table of another schema, or of the session, stands in for theirs."""

from django.db import migrations

_FUNCTIONS = ("events_horizon()", "events_refuse_change()")
# pg_temp last: it comes first if it is not named, and whoever may connect may make temporary tables.
_PIN = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp',
                 (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'events'::regclass));
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0012_consumer_parked_events")]

    operations = [
        migrations.RunSQL(_PIN.format(function=function), f"ALTER FUNCTION {function} RESET search_path")
        for function in _FUNCTIONS
    ]
