"""Claim due deliveries in fair shares, so that no customer and no server takes all places of the sender.

A claimed delivery is not due again until its lease ends, so no transaction stays open while a server is awaited.
docs/decisions/64-fair-sending.md
"""

from django.conf import settings
from django.db import connection

from projections.webhooks.circuit import SLOW_IN_A_ROW
from projections.webhooks.models import WebhookDelivery

AT_ONCE = 50  # messages on their way at the same time
AT_ONCE_EACH = 5  # of these, to one endpoint whose circuit is closed; otherwise one
LEASE_SECONDS = 30.0  # added to WEBHOOK_SECONDS; then the deliveries of a worker that died are due again


# Fast path: one hand-written statement instead of ORM queries in a transaction; see docs/decisions/24-webhooks.md.
# Of each aggregate, only the first pending delivery can be claimed. `busy` is what is on its way now. Each step ranks
# what the step before it left: within the endpoint, within the host (there by turns of its customers), and within the
# customer (there by turns of its endpoints). The customer with the fewest messages on their way comes first.
_CLAIM = r"""
WITH known AS (
       SELECT e.*, coalesce(e.customer_id, e.service_id) AS owner,
              lower(substring(e.url FROM '^https?://(\[[^]]*\]|[^/:?]*)')) AS host,
              CASE WHEN e.failures > 0 OR e.slow_answers >= %(slow)s THEN 1 ELSE %(each)s END AS most
         FROM webhook_endpoints e
        WHERE e.disabled_at IS NULL
          AND e.id IN (SELECT d.endpoint_id FROM webhook_deliveries d WHERE d.status = 'pending' AND
                              (d.due_at <= now() OR d.claimed_until > now()))),
     busy AS (
       SELECT k.id, k.owner, k.host, count(*) AS number FROM known k JOIN webhook_deliveries d ON d.endpoint_id = k.id
        WHERE d.status = 'pending' AND d.claimed_until > now() GROUP BY k.id, k.owner, k.host),
     by_endpoint AS (
       SELECT next.id, k.owner, k.host, next.place
         FROM known k
         LEFT JOIN busy ON busy.id = k.id
         CROSS JOIN LATERAL (
              SELECT d.id, coalesce(busy.number, 0) + row_number() OVER (ORDER BY d.id) AS place
                FROM webhook_deliveries d
               WHERE d.endpoint_id = k.id AND d.status = 'pending' AND d.due_at <= now()
                 AND (k.resting_until IS NULL OR k.resting_until <= now() OR d.position IS NULL)
                 AND NOT EXISTS (SELECT FROM webhook_deliveries earlier
                                  WHERE earlier.endpoint_id = d.endpoint_id AND earlier.aggregate_id = d.aggregate_id
                                    AND earlier.status = 'pending' AND earlier.id < d.id)
               ORDER BY d.id LIMIT %(each)s) next
        WHERE next.place <= k.most),
     turns AS (
       SELECT *, row_number() OVER (PARTITION BY host, owner ORDER BY place, id) AS turn FROM by_endpoint),
     by_host AS (
       SELECT *, row_number() OVER (PARTITION BY host ORDER BY turn, id)
                 + coalesce((SELECT sum(number) FROM busy WHERE busy.host = turns.host), 0) AS of_host FROM turns),
     by_customer AS (
       SELECT id, row_number() OVER (PARTITION BY owner ORDER BY place, id)
                  + coalesce((SELECT sum(number) FROM busy WHERE busy.owner = by_host.owner), 0) AS of_customer
         FROM by_host WHERE of_host <= %(host)s),
     taken AS (
       SELECT d.id FROM webhook_deliveries d JOIN by_customer USING (id)
        WHERE of_customer <= %(customer)s AND d.status = 'pending' AND d.due_at <= now()
        ORDER BY of_customer, d.id LIMIT %(room)s FOR UPDATE OF d SKIP LOCKED)
UPDATE webhook_deliveries d
   SET due_at = now() + make_interval(secs => %(lease)s), claimed_until = now() + make_interval(secs => %(lease)s),
       tries = d.tries + 1
  FROM taken WHERE d.id = taken.id RETURNING d.id
"""


def claim(room: int) -> list[WebhookDelivery]:
    """Claim due deliveries, at most `room`, and return them in their order with their endpoints."""
    shares = {
        "slow": SLOW_IN_A_ROW,
        "each": AT_ONCE_EACH,
        "host": settings.WEBHOOK_AT_ONCE_HOST,
        "customer": settings.WEBHOOK_AT_ONCE_CUSTOMER,
        "room": room,
        "lease": LEASE_SECONDS + settings.WEBHOOK_SECONDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, shares)
        ids = [row[0] for row in cursor]
    if not ids:
        return []
    claimed = WebhookDelivery.objects.filter(pk__in=ids).select_related("endpoint").order_by("pk")
    return list(claimed.prefetch_related("endpoint__previous_secrets"))
