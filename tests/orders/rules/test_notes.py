"""The rule of notes on an order."""

from dataclasses import replace

from orders.commands import AddNote
from orders.events import NoteAdded
from tests.support.decider_spec import given
from tests.support.order_examples import BUYER, CREATED, ORDER, PAID, SHIPPED

NOTE = AddNote(order_id=ORDER, text=" Rang twice ")


def test_a_note_is_internal_unless_it_is_visible() -> None:
    added = NoteAdded(order_id=ORDER, customer_id=BUYER, text="Rang twice", visible=False)
    given(CREATED).when(NOTE).then(added)
    given(CREATED, PAID, SHIPPED).when(replace(NOTE, visible=True)).then(replace(added, visible=True))


def test_an_empty_note_is_refused() -> None:
    given(CREATED).when(replace(NOTE, text=" ")).refused("no_text")


def test_an_order_that_was_never_created_is_not_found() -> None:
    given().when(NOTE).refused("order_not_found")
