"""Two usual ways to project: Django's `bulk_create`, an upsert for each type of event, and one statement an event by
the library `eventsourcing`, its runner on PostgreSQL.

Both fill a table like that of the staff view, its indexes with it, from events in the clear, with what each event says
by itself: no event reads the row. So they know less than the view does, such as whether a refund gives back everything,
and what orders are searched by does not grow.
"""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from django.db import connection, transaction
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from benchmarks import scratch
from projections.staff.orders import StaffOrder

ORM, RUNNER = "orm_view", "es_view"
MADE = (
    "version, reference, customer_name, customer_email, shipping_address, country, currency, total, line_count,"
    " placed_at, paid, paid_at, payment_method, fulfilment_status, carrier, tracking_code, shipped_at, cancelled,"
    " cancelled_at, cancel_reason, returned, refunded"
)
"""What both make as the view does."""

Event = tuple[UUID, int, str, datetime, dict[str, Any]]
"""Of which aggregate, its version, its type, when, and what it says."""


def read(after: int, through: int) -> list[Event]:
    with scratch.connect() as own, own.cursor() as cursor:
        cursor.execute(
            "SELECT aggregate_id, version, event_type, at, event_data::text FROM clear_events"
            " WHERE position > %s AND position <= %s ORDER BY position",
            (after, through),
        )
        return [(*row, msgspec.json.decode(data)) for *row, data in cursor]


def _placed(at: datetime, said: dict[str, Any]) -> dict[str, Any]:
    taken = ("customer_id", "reference", "country", "currency", "total", "tax")
    personal = ("customer_name", "customer_email", "shipping_address", "billing_address")
    words = [said[name] for name in ("order_id", "reference", "customer_name", "customer_email", "country")]
    words += dict.fromkeys(line["sku"] for line in said["lines"])
    return {
        **{name: said[name] for name in taken + personal},
        "due": said["total"],
        "fulfilment_status": "unfulfilled",
        "line_count": len(said["lines"]),
        "units": sum(line["quantity"] for line in said["lines"] if line["kind"] == "goods"),
        "placed_at": at,
        "search": " ".join(word for word in words if word).lower(),
    }


def _changes(what: str, at: datetime, said: dict[str, Any]) -> dict[str, Any]:
    """The columns that an event sets."""
    return _CHANGES[what](at, said) if what in _CHANGES else {}


_CHANGES: dict[str, Callable[[datetime, dict[str, Any]], dict[str, Any]]] = {
    "order.created": _placed,
    "order.payment_authorised": lambda at, said: {
        "payment_status": "authorised",
        "authorised": said["amount"],
        "payment_method": said["method"],
    },
    "order.payment_captured": lambda at, said: {
        "payment_status": "paid",
        "paid": said["amount"],
        "paid_at": at,
        "due": 0,
    },
    "order.paid": lambda at, said: {
        "payment_status": "paid",
        "authorised": said["amount"],
        "paid": said["amount"],
        "paid_at": at,
        "due": 0,
        "payment_method": said["payment_method"],
    },
    "order.cancelled": lambda at, said: {
        "status": "cancelled",
        "fulfilment_status": "none",
        "cancelled": said["amount"],
        "due": 0,
        "due_back": said["due_back"],
        "cancel_reason": said["reason"],
        "cancelled_at": at,
    },
    "order.shipped": lambda at, said: {
        "status": "completed",
        "fulfilment_status": "fulfilled",
        "carrier": said["carrier"],
        "tracking_code": said["tracking_code"],
        "shipped_at": at,
    },
    "order.parcel_delivered": lambda at, said: {"fulfilment_status": "delivered"},
    "order.return_requested": lambda at, said: {"return_status": "requested"},
    "order.return_approved": lambda at, said: {"return_status": "approved"},
    "order.return_received": lambda at, said: {
        "return_status": "partial",
        "returned": said["amount"],
        "due_back": said["due_back"],
    },
    "order.refund_requested": lambda at, said: {"refund_pending": said["amount"]},
    "order.refund_approved": lambda at, said: {},
    "order.refund_settled": lambda at, said: {
        "payment_status": "partially_refunded",
        "refund_pending": 0,
        "refunded": said["amount"],
        "due_back": 0,
    },
}
"""By type, in the order in which they happen to one order."""


# --- Django -----------------------------------------------------------------------------------------------------------


def bulk_create(after: int, through: int, *, batch: int) -> None:
    """Rows and checkpoint in one transaction for each batch; in it, an upsert for each type of event."""
    for start in range(after, through, batch):
        end = min(start + batch, through)
        by_type: dict[str, list[Event]] = {}
        for event in read(start, end):
            by_type.setdefault(event[2], []).append(event)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL search_path TO {ORM}, public")
            for what in _CHANGES:
                _upsert(by_type.get(what, []))
            cursor.execute(f"UPDATE {ORM}.checkpoint SET position = %s", [end])


def _upsert(events: Iterable[Event]) -> None:
    rows, names = [], {"version"}
    for order_id, version, what, at, said in events:
        changes = _changes(what, at, said)
        names |= changes.keys()
        missing = {"placed_at": at, "line_count": 0, "units": 0}  # of a row that is there already, and has them
        rows.append(StaffOrder(order_id=order_id, version=version, **(missing | _exact(changes))))
    if rows:
        StaffOrder._default_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=["order_id"], update_fields=sorted(names)
        )


_MONEY = (
    "total",
    "tax",
    "due",
    "due_back",
    "paid",
    "authorised",
    "cancelled",
    "returned",
    "refunded",
    "refund_pending",
)


def _exact(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: Decimal(value) if name in _MONEY else value for name, value in changes.items()}


# --- eventsourcing ----------------------------------------------------------------------------------------------------


class Happened(DomainEvent):  # type: ignore[misc]  # the library is not installed where types are checked
    """An event of the log as an event of the library."""

    what: str
    said: dict[str, Any]


class Shop(Application[UUID]):  # type: ignore[misc]  # the library is not installed where types are checked
    pass


class View(PostgresTrackingRecorder):  # type: ignore[misc]  # the library is not installed where types are checked
    def show(self, event: Happened, tracking: Tracking) -> None:
        """The row and the position in one transaction."""
        changes = {"version": event.originator_version, **_changes(event.what, event.timestamp, event.said)}
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(*_statement(event, changes), prepare=True)


def _statement(event: Happened, changes: dict[str, Any]) -> tuple[Any, list[Any]]:
    table = f"{RUNNER}.projections_stafforder"
    if event.what == "order.created":
        row = {name: default for name, default in _DEFAULTS.items() if name not in changes} | changes
        names = ", ".join(["order_id", *row])
        places = ", ".join(["%s"] * (len(row) + 1))
        return f"INSERT INTO {table} ({names}) VALUES ({places})", [event.originator_id, *row.values()]
    assignments = ", ".join(f"{name} = %s" for name in changes)
    return f"UPDATE {table} SET {assignments} WHERE order_id = %s", [*changes.values(), event.originator_id]


_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("returned", "allowances", "authorised", "voided", "paid", "refund_pending", "refunded"), 0),
    **dict.fromkeys(("cancelled", "written_off", "due_back"), 0),
    **dict.fromkeys(("payment_method", "carrier", "tracking_code", "cancel_reason"), ""),
    "status": "open",
    "payment_status": "unpaid",
    "return_status": "none",
    "state": "{}",
    "times": "{}",
}


class ViewProjection(Projection[View]):  # type: ignore[misc]  # the library is not installed where types are checked
    name = "staffview"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.show(domain_event, tracking)


def _environment() -> dict[str, str]:
    url = urlsplit(os.environ["DATABASE_URL"])
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": url.path.removeprefix("/"),
        "POSTGRES_HOST": str(url.hostname),
        "POSTGRES_PORT": str(url.port),
        "POSTGRES_USER": str(url.username),
        "POSTGRES_PASSWORD": str(url.password),
        "POSTGRES_SINGLE_ROW_TRACKING": "y",
    }


def record(after: int, through: int) -> int:
    """The events as the library keeps them; returns the id of the last."""
    app = Shop(_environment())
    stored = [
        app.mapper.to_stored_event(
            Happened(originator_id=order_id, originator_version=version, timestamp=at, what=what, said=said)
        )
        for order_id, version, what, at, said in read(after, through)
    ]
    app.recorder.insert_events(stored)
    last = app.recorder.max_notification_id()
    app.close()
    return last or 0


def run_until(notification_id: int) -> None:
    """The runner, from its beginning until the view shows this event."""
    with ProjectionRunner(
        application_class=Shop, projection_class=ViewProjection, view_class=View, env=_environment()
    ) as runner:
        runner.wait(notification_id, timeout=120)
