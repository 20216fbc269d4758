"""Look at the log's health every minute: store what is not as the log needs it, until it is again.

The admin, `/healthz`, the metrics and `manage.py watch_log` show the stored findings.
"""

import logging
from collections.abc import Iterator

from django.db import connection, transaction

from eventstore import store
from eventstore.models import ConsumerCheckpoint, LogFinding, LogRange
from eventstore.storage import ranges, requirements
from eventstore.storage.requirements import Finding

log = logging.getLogger(__name__)

HELD_SECONDS = 60  # how long one transaction may hold the horizon back before it is a finding
CLOCK_SECONDS = 5  # how far the clock may go back


def look() -> list[Finding]:
    """Count the log, look at everything else, and store and return the findings."""
    ranges.look()
    found = {
        finding.name: finding for finding in (*requirements.findings(), *_changed(), *_ahead(), *_held(), *_clock())
    }
    with transaction.atomic():
        LogFinding.objects.exclude(name__in=found).delete()
        for finding in found.values():
            log.error("the log: %s", finding)
            values = {"message": finding.message, "hint": finding.hint}
            LogFinding.objects.update_or_create(name=finding.name, defaults=values)
    return list(found.values())


def _changed() -> Iterator[Finding]:
    for changed in LogRange.objects.exclude(changed="")[:1]:
        after = changed.number * ranges.SIZE
        yield Finding(
            name="range_changed",
            message=f"the log had {changed.changed} after position {after:,}, though all of it was settled",
            hint="Readers may have skipped some. Find the cause, rebuild the read models, then run watch_log --accept.",
        )


def _ahead() -> Iterator[Finding]:
    """Yield a consumer that has read further than the log goes: the log was restored from an older copy."""
    latest = store.latest_position()
    for consumer in ConsumerCheckpoint.objects.filter(position__gt=latest).order_by("name")[:1]:
        yield Finding(
            name="consumer_ahead",
            message=f"{consumer.name} has read up to {consumer.position:,}, and the log ends at {latest:,}: it would"
            " skip the next events",
            hint="Restore consumer_checkpoints from the same backup as the log.",
        )


def _held() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [HELD_SECONDS])
        for who, seconds in cursor.fetchall():
            yield Finding(
                name="horizon_held",
                message=f"{who} has held the end of the log back for {seconds:,.0f} s: no reader gets newer events",
                hint="Let it commit, or end it: pg_terminate_backend, or ROLLBACK PREPARED.",
            )


def _clock() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM timestamp - clock_timestamp()) FROM events ORDER BY position DESC LIMIT 1"
        )
        for (seconds,) in cursor.fetchall():
            if seconds > CLOCK_SECONDS:
                yield Finding(
                    name="clock",
                    message=f"the clock of the database is {seconds:,.0f} s behind the last event",
                    hint="Correct the clock. Positions keep the order, but times of events would not.",
                )


_HELD = """
SELECT coalesce('the prepared transaction ' || p.gid, format('process %%s (%%s, %%s)', l.pid, a.usename, a.state)),
       extract(epoch FROM clock_timestamp() - coalesce(p.prepared, a.xact_start)) AS seconds
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_prepared_xacts p ON l.pid IS NULL AND l.virtualtransaction = '-1/' || p.transaction::text
 WHERE l.locktype = 'advisory' AND l.classid = 4711 AND l.objsubid = 2 AND l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND coalesce(p.prepared, a.xact_start) < clock_timestamp() - make_interval(secs => %s)
 ORDER BY seconds DESC LIMIT 1
"""
