"""The limit of a projection: PostgreSQL alone makes the staff read model, with one statement for each batch.

It can fold only the orders of benchmarks/shop.py: paid once, sent in one parcel, cancelled as a whole, one return and
one refund. It would be wrong for other orders. It reads unencrypted events, and stores neither the order's state (its
lines, payments, parcels, refunds and returns) nor the times of their changes.
"""

from benchmarks import scratch

_NAMES = (
    "order_id, version, customer_id, reference, country, currency, status, payment_status, fulfilment_status,"
    " return_status, total, tax, cancelled, returned, allowances, authorised, voided, paid, refund_pending, refunded,"
    " written_off, due, due_back, placed_at, paid_at, shipped_at, cancelled_at, state, times, shipping_address,"
    " billing_address, customer_name, customer_email, line_count, units, payment_method, carrier, tracking_code,"
    " cancel_reason, search"
)
_FIXED = ("order_id", "customer_id", "placed_at")
MADE = ", ".join(name for name in _NAMES.split(", ") if name not in ("state", "times"))
"""The columns that it fills as the read model does."""

_FOLD = """
WITH happened AS MATERIALIZED (
    SELECT log.aggregate_id AS order_id, log.version, log.event_type AS what, log.at, e.*
      FROM clear_events log
     CROSS JOIN LATERAL jsonb_to_record(log.event_data) AS e (
           reference text, customer_id uuid, customer_name text, customer_email text, shipping_address text,
           billing_address text, country text, currency text, lines jsonb, tax numeric, total numeric,
           payment_method text, payment_reference text, method text, amount numeric, due_back numeric, carrier text,
           tracking_code text, reason text, restocked jsonb)
     WHERE log.position > %s AND log.position <= %s
), placed AS (
    SELECT order_id, reference, customer_id, customer_name, customer_email, shipping_address, billing_address, country,
           currency, tax, total, at, l.*
      FROM happened
     CROSS JOIN LATERAL (
           SELECT count(*) AS line_count, sum(quantity) FILTER (WHERE kind = 'goods') AS units,
                  string_agg(sku, ' ' ORDER BY line_id) FILTER (WHERE is_first) AS skus
             FROM (SELECT line_id, quantity, kind, sku, row_number() OVER (PARTITION BY sku ORDER BY line_id) = 1
                     FROM jsonb_to_recordset(lines) AS line (line_id int, quantity int, kind text, sku text)
                  ) line (line_id, quantity, kind, sku, is_first)) l
     WHERE what = 'order.created'
), changed AS (
    SELECT order_id, max(version) AS version,
           coalesce(sum(amount) FILTER (WHERE what = 'order.cancelled'), 0) AS cancelled,
           coalesce(sum(amount) FILTER (WHERE what = 'order.return_received'), 0) AS returned,
           coalesce(sum((restocked->0->>'tax')::numeric) FILTER (WHERE what = 'order.return_received'), 0) AS tax_off,
           max((restocked->0->>'quantity')::int) FILTER (WHERE what = 'order.return_received') AS units_back,
           coalesce(sum(amount) FILTER (WHERE what IN ('order.payment_authorised', 'order.paid')), 0) AS authorised,
           coalesce(sum(amount) FILTER (WHERE what IN ('order.payment_captured', 'order.paid')), 0) AS paid,
           coalesce(sum(amount) FILTER (WHERE what = 'order.refund_requested'), 0) AS asked,
           coalesce(sum(amount) FILTER (WHERE what = 'order.refund_settled'), 0) AS settled,
           max(at) FILTER (WHERE what IN ('order.payment_captured', 'order.paid')) AS paid_at,
           max(at) FILTER (WHERE what = 'order.shipped') AS shipped_at,
           max(at) FILTER (WHERE what = 'order.cancelled') AS cancelled_at,
           bool_or(what = 'order.parcel_delivered') AS delivered,
           bool_or(what = 'order.return_requested') AS return_requested,
           bool_or(what = 'order.return_approved') AS return_approved,
           max(coalesce(payment_method, method)) FILTER (WHERE what IN ('order.payment_authorised', 'order.paid'))
               AS payment_method,
           max(coalesce(payment_reference, reference))
               FILTER (WHERE what IN ('order.payment_authorised', 'order.paid')) AS payment_reference,
           max(carrier) AS carrier, max(tracking_code) AS tracking_code,
           max(reason) FILTER (WHERE what = 'order.cancelled') AS cancel_reason
      FROM happened GROUP BY order_id
), merged AS (
    SELECT c.order_id, c.version,
           coalesce(was.customer_id, p.customer_id) AS customer_id,
           coalesce(was.reference, p.reference) AS reference, coalesce(was.country, p.country) AS country,
           coalesce(was.currency, p.currency) AS currency, coalesce(was.total, p.total) AS total,
           CASE WHEN c.cancelled_at IS NULL THEN coalesce(was.tax, p.tax) - c.tax_off ELSE 0 END AS tax,
           coalesce(was.cancelled, 0) + c.cancelled AS cancelled, coalesce(was.returned, 0) + c.returned AS returned,
           coalesce(was.authorised, 0) + c.authorised AS authorised, coalesce(was.paid, 0) + c.paid AS paid,
           coalesce(was.refund_pending, 0) + c.asked - c.settled AS refund_pending,
           coalesce(was.refunded, 0) + c.settled AS refunded,
           coalesce(was.placed_at, p.at) AS placed_at, coalesce(c.paid_at, was.paid_at) AS paid_at,
           coalesce(c.shipped_at, was.shipped_at) AS shipped_at,
           coalesce(c.cancelled_at, was.cancelled_at) AS cancelled_at,
           c.delivered OR coalesce(was.fulfilment_status = 'delivered', false) AS delivered,
           CASE WHEN c.units_back IS NOT NULL THEN
                     CASE WHEN c.units_back = coalesce(was.units, p.units) THEN 'returned' ELSE 'partial' END
                WHEN c.return_approved THEN 'approved' WHEN c.return_requested THEN 'requested'
                ELSE coalesce(was.return_status, 'none') END AS return_status,
           coalesce(was.shipping_address, p.shipping_address) AS shipping_address,
           coalesce(was.billing_address, p.billing_address) AS billing_address,
           coalesce(was.customer_name, p.customer_name) AS customer_name,
           coalesce(was.customer_email, p.customer_email) AS customer_email,
           coalesce(was.line_count, p.line_count) AS line_count,
           CASE WHEN c.cancelled_at IS NULL THEN coalesce(was.units, p.units) ELSE 0 END AS units,
           coalesce(c.payment_method, was.payment_method, '') AS payment_method,
           coalesce(c.carrier, was.carrier, '') AS carrier,
           coalesce(c.tracking_code, was.tracking_code, '') AS tracking_code,
           coalesce(c.cancel_reason, was.cancel_reason, '') AS cancel_reason,
           -- The search text has the articles last, so they are stored in a column that is not compared.
           coalesce(was.times->>'skus', p.skus) AS skus,
           coalesce(c.payment_reference, was.times->>'payment', '') AS payment_reference
      FROM changed c
      LEFT JOIN placed p USING (order_id)
      LEFT JOIN {schema}.projections_stafforder was USING (order_id)
), counted AS (
    SELECT *, greatest(total - cancelled - returned - (paid - refunded - refund_pending), 0) AS due,
           CASE WHEN total - cancelled - returned > paid - refunded - refund_pending THEN 0
                ELSE greatest(paid - refunded - (total - cancelled - returned), 0) END AS due_back
      FROM merged
)
INSERT INTO {schema}.projections_stafforder ({names})
SELECT order_id, version, customer_id, reference, country, currency,
       CASE WHEN cancelled_at IS NOT NULL THEN 'cancelled'
            WHEN shipped_at IS NULL OR return_status IN ('requested', 'approved') OR due > 0 OR due_back > 0
                 OR refund_pending > 0 THEN 'open'
            ELSE 'completed' END,
       CASE WHEN due_back > 0 THEN 'overcharged'
            WHEN refunded > 0 THEN CASE WHEN paid > refunded THEN 'partially_refunded' ELSE 'refunded' END
            WHEN paid > 0 THEN CASE WHEN due > 0 THEN 'partially_paid' ELSE 'paid' END
            WHEN authorised > 0 THEN 'authorised' ELSE 'unpaid' END,
       CASE WHEN shipped_at IS NULL THEN CASE WHEN cancelled_at IS NULL THEN 'unfulfilled' ELSE 'none' END
            WHEN delivered THEN 'delivered' ELSE 'fulfilled' END,
       return_status, total, tax, cancelled, returned, 0, authorised, 0, paid, refund_pending, refunded, 0, due,
       due_back, placed_at, paid_at, shipped_at, cancelled_at,
       '{{}}', jsonb_build_object('skus', skus, 'payment', payment_reference), shipping_address, billing_address,
       customer_name, customer_email, line_count, units, payment_method, carrier, tracking_code, cancel_reason,
       lower(concat_ws(' ', order_id::text, nullif(reference, ''), nullif(customer_name, ''),
                       nullif(customer_email, ''), nullif(country, ''), nullif(tracking_code, ''),
                       nullif(payment_reference, ''), skus))
  FROM counted
    ON CONFLICT (order_id) DO UPDATE
   SET {assignments}
"""


def create(schema: str) -> None:
    """Create the same table with the same indexes in a new schema."""
    with scratch.connect() as own:
        own.execute(f"CREATE SCHEMA {schema}")
        own.execute(f"CREATE TABLE {schema}.projections_stafforder (LIKE projections_stafforder INCLUDING ALL)")
        own.execute(f"CREATE TABLE {schema}.checkpoint AS SELECT 0::bigint AS position")


def catch_up(schema: str, after: int, through: int, *, batch: int) -> None:
    """Write rows and checkpoint in one transaction for each batch."""
    assignments = ", ".join(f"{name} = excluded.{name}" for name in _NAMES.split(", ") if name not in _FIXED)
    fold = _FOLD.format(schema=schema, names=_NAMES, assignments=assignments)
    with scratch.connect() as own:
        own.autocommit = False
        for start in range(after, through, batch):
            end = min(start + batch, through)
            own.execute(fold, (start, end), prepare=True)
            own.execute(f"UPDATE {schema}.checkpoint SET position = %s", (end,))
            own.commit()
