"""What the log accepts, every reader can show: the largest and strangest values, on every page and in every export."""

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as some
from rest_framework.test import APIClient

from eventstore import store
from eventstore.dispatch import Context, current_state, dispatch
from eventstore.errors import CommandRefused
from eventstore.followers import process_managers
from eventstore.histories.importer import import_history
from eventstore.ids import new_id
from eventstore.limits import times
from eventstore.seals import chain
from orders.commands import AddNote, CancelOrder, CreateOrder, NewDiscount, NewLine, NewShipping, PayOrder
from orders.money import LARGEST, exponent
from orders.order import ORDER
from orders.values import MOST_UNITS
from ordersite.models import User
from tests.support.readers import broken_readers, exported, follow

pytestmark = pytest.mark.django_db(transaction=True)

LAST = times.LATEST - timedelta.resolution


def texts(most: int, least: int = 0) -> some.SearchStrategy[str]:
    """Return texts of all that Unicode has, short and as long as is accepted."""
    characters = some.characters(exclude_characters="\0", codec="utf-8")
    short = some.text(characters, min_size=least, max_size=8)
    return short | some.text(characters, min_size=1, max_size=3).map(lambda text: (text * most)[:most])


@some.composite
def orders(draw: some.DrawFn) -> CreateOrder:
    """Return an order with the largest and the smallest values that its fields accept."""
    currency = draw(some.sampled_from(["GBP", "JPY", "KWD"]))
    smallest = Decimal(1).scaleb(-exponent(currency))
    prices = some.sampled_from([Decimal(0), smallest, Decimal("0.000001"), LARGEST - smallest])
    lines = some.builds(
        NewLine,
        sku=texts(64, 1).filter(str.strip),
        name=texts(200),
        quantity=some.sampled_from([1, 7, MOST_UNITS]),
        unit_price=prices,
        tax_rate=some.sampled_from([Decimal(0), Decimal("19.9999"), Decimal(100)]),
    )
    costs = some.sampled_from([Decimal(0), smallest])
    shipping = some.builds(NewShipping, name=texts(200), price=costs, code=texts(64, 1).filter(str.strip))
    discounts = some.builds(NewDiscount, name=texts(100), amount=some.just(smallest))
    return CreateOrder(
        order_id=new_id(),
        customer_id=None,
        customer_name=draw(texts(200)),
        customer_email=draw(texts(254)),
        currency=currency,
        lines=tuple(draw(some.lists(lines, min_size=1, max_size=3))),
        shipping=tuple(draw(some.lists(shipping, max_size=1))),
        discounts=tuple(draw(some.lists(discounts, max_size=1))),
        prices_include_tax=draw(some.booleans()),
        shipping_address=draw(texts(500)),
        billing_address=draw(texts(500)),
        country=draw(texts(100)),
        reference=draw(texts(64)),
    )


def accepted(create: CreateOrder, note: str, at: datetime | None) -> bool:
    """Place, describe, pay and cancel the order; return whether the log accepted it."""
    try:
        dispatch(create, Context(actor="staff:anna", occurred_at=at))
    except CommandRefused as refusal:
        event(f"refused: {refusal.code}")
        return False
    for command in (AddNote(order_id=create.order_id, text=note, visible=True), *_later(create)):
        with suppress(CommandRefused):
            dispatch(command, Context(actor="staff:anna", occurred_at=at))
    return True


def _later(create: CreateOrder) -> Iterator[Any]:
    due = current_state(ORDER, create.order_id).due
    yield PayOrder(order_id=create.order_id, amount=due, payment_method="x" * 40, payment_reference=create.reference)
    yield CancelOrder(order_id=create.order_id, reason=create.reference or "none")


@given(orders(), texts(2000, 1), some.sampled_from([None, times.EARLIEST, LAST]))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_accepted_extremes_are_shown_by_every_reader(
    api: APIClient, ada: User, create: CreateOrder, note: str, at: datetime | None
) -> None:
    process_managers.run()  # its first run starts at the end of the log
    create = replace(create, order_id=new_id(), customer_id=ada.customer_id)
    if not accepted(create, note, at):
        return
    follow()
    assert broken_readers(api, create.order_id) == []
    history = exported(create.order_id)
    chain.seal_settled()
    before = len(store.read_stream(create.order_id))
    assert import_history(io.BytesIO(history.encode())).present == before, "its own export is what it has"
