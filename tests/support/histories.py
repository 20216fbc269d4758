"""Small histories, and the ways of a file between two sites."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from eventstore import codec, store
from eventstore.dispatch import Context, dispatch
from eventstore.histories.export import export, histories
from eventstore.histories.importer import Imported, import_history
from eventstore.ids import new_id
from orders.commands import PayOrder
from tests.support.order_examples import CREATE
from tests.support.tally import Count


def staff(**more: Any) -> Context:
    return Context(actor="staff:anna", **more)


def order(**changes: Any) -> UUID:
    create = replace(CREATE, order_id=new_id(), **changes)
    dispatch(create, staff())
    return create.order_id


def paid_order(**changes: Any) -> UUID:
    order_id = order(**changes)
    dispatch(PayOrder(order_id=order_id, amount=Decimal(25), payment_method="card"), staff(extra={"note": "by phone"}))
    return order_id


def tally(*counts: int) -> UUID:
    tally_id = new_id()
    for by in counts:
        dispatch(Count(tally_id=tally_id, by=by), staff())
    return tally_id


def file_of(*aggregates: UUID) -> list[str]:
    return list(export(histories(aggregates)))


def load(lines: list[str]) -> Imported:
    return import_history(io.BytesIO("\n".join(lines).encode("utf-8", "surrogatepass")))


def moved(line: str, **changes: Any) -> str:
    return json.dumps(json.loads(line) | changes)


def facts_of(aggregate_id: UUID) -> list[tuple[Any, ...]]:
    """Everything an import keeps."""
    return [
        (
            fact.event_id,
            fact.aggregate_type,
            fact.version,
            fact.timestamp,
            fact.event,
            msgspec.structs.replace(
                fact.metadata, extra={key: text for key, text in fact.metadata.extra.items() if key != codec.IMPORTED}
            ),
        )
        for fact in store.read_stream(aggregate_id)
    ]


def in_threads(*works: Callable[[], object]) -> list[object]:
    """What each gave or raised."""
    outcomes: list[object] = [None] * len(works)
    together = threading.Barrier(len(works))

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            together.wait(10)
            outcomes[number] = work()
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
