"""An order of one site, followed on another: the views, the command line between them, and what came of it."""

import io
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from orders.commands import CancelOrder, PayOrder, ShipOrder
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder
from tests.support import tampering
from tests.support.order_examples import CREATE
from tests.support.projection_spec import contents
from tests.support.projection_spec import empty as empty_view


def two_orders() -> list[str]:
    paid, cancelled = new_id(), new_id()
    for order_id in (paid, cancelled):
        dispatch(replace(CREATE, order_id=order_id, customer_id=new_id()), Context(actor="customer:x"))
    dispatch(PayOrder(order_id=paid, amount=Decimal(25), payment_method="card"), Context(actor="customer:x"))
    dispatch(ShipOrder(order_id=paid), Context(actor="staff:anna"))
    dispatch(CancelOrder(order_id=cancelled, reason="Ada Whitfield rang"), Context(actor="staff:anna"))
    return [str(paid), str(cancelled)]


def exported(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_history", *arguments, stdout=out)
    return out.getvalue()


_PLACES = {"entry_id": None, "position": None}


def shown() -> dict[str, list[dict[str, Any]]]:
    """The rows of every view, without the keys that follow the log's positions: in the books, and in the feed."""
    tables = [contents(projection) for projection in PROJECTIONS.values()]
    return {name: [{**row, **_PLACES} for row in rows] for each in tables for name, rows in each.items()}


def another_site() -> None:
    tampering.empty()
    for projection in PROJECTIONS.values():
        empty_view(projection)


def test_every_view_shows_an_imported_order_as_the_first_site_did(projecting: None, tmp_path: Path) -> None:
    orders = two_orders()
    before = shown()
    file = tmp_path / "history.jsonl"
    file.write_text(exported(*orders))
    another_site()
    assert not StaffOrder.objects.exists()
    call_command("import_history", str(file), stdout=io.StringIO())
    assert shown() == before
    for projection in PROJECTIONS.values():
        assert all(table.identical for table in rebuild(projection).differences)


def test_a_history_may_come_through_a_pipe(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = two_orders()
    text = exported(*orders, "--anonymise")
    another_site()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    out = io.StringIO()
    call_command("import_history", "-", stdout=out)
    assert out.getvalue() == "5 events imported, 0 were here already\n"
    shown = StaffOrder.objects.get(pk=orders[1])
    assert shown.customer_name.startswith("Person ")
    assert shown.cancel_reason == f"{shown.customer_name} rang"
