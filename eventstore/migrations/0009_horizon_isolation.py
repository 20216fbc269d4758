"""The horizon refuses to be read in a transaction whose later statements would not see what was settled."""

from django.db import migrations

# Readers read the horizon, then the page. Unless the isolation level is READ COMMITTED, all statements of a transaction
# share the snapshot of the first one: what committed between that snapshot and the horizon would be skipped for ever.
# The start of a statement that is a transaction by itself is the start of its transaction.
ISOLATION = """
  IF current_setting('transaction_isolation') <> 'read committed' AND statement_timestamp() <> now() THEN
    RAISE EXCEPTION 'the feed cannot be read in a transaction of isolation level %: it would skip events',
                    upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Begin it with ISOLATION LEVEL READ COMMITTED.';
  END IF;"""
HORIZON = """
CREATE OR REPLACE FUNCTION events_horizon(OUT horizon bigint, OUT latest bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE behind bigint;
BEGIN{check}
  SELECT last_value - (NOT is_called)::int INTO latest FROM events_position_seq;
  SELECT max(((latest - objid::bigint + 1073741824) & 2147483647) - 1073741824) INTO behind FROM pg_locks
   WHERE locktype = 'advisory' AND classid = 4711 AND objsubid = 2 AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
  horizon := latest - greatest(coalesce(behind, 0), 0);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0008_help_texts")]

    operations = [migrations.RunSQL(HORIZON.format(check=ISOLATION), HORIZON.format(check=""))]
