"""After an erasure, nothing that staff typed about the person into a form of the admin is in either server.

Each text of each command's form is typed as a word of its own. A form that this test does not send fails
`test_every_form_...`: add it to the story below.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any, get_args, get_type_hints
from uuid import UUID

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from eventstore import store
from eventstore.dispatch import Context, dispatch
from orders import commands as c
from orders.accounts.commands import DepositMoney, WithdrawMoney
from orders.accounts.identity import account_of
from orders.actions import name_of
from ordersite.admin.command_catalog import BULK, OFFERS
from ordersite.roles import BACK_OFFICE
from projections.accounting.balances import AccountMoney
from tests.support.admin import ORDERS, LogIn, submit
from tests.support.admin_forms import NEW, PAY, SENT, Given
from tests.support.dump import found_in_servers
from tests.support.orders import new_order
from tests.support.site import make_customer

pytestmark = pytest.mark.django_db(transaction=True)

NO_FREE_TEXTS = {"currency", "by"}
"""Texts of commands that the form does not ask for, or that are codes."""

ANOTHER_DISCOUNT = {"discounts-0-amount": "1", "discounts-0-kind": "fixed"}


class Typist:
    """Types a word of its own into each text, and remembers the words and where they were typed."""

    def __init__(self, client: Client, customer_id: UUID) -> None:
        self.client, self.customer_id = client, customer_id
        self.words: dict[str, str] = {}
        self.typed: set[tuple[type, str]] = set()

    def texts(self, command: type) -> dict[str, str]:
        """Return the form's text fields of a command, each with a new word."""
        texts = {field.replace(".", "-0-"): self.word(command, field) for field in texts_of(command)}
        return texts | {name: f"{word}@example.com" for name, word in texts.items() if name == "customer_email"}

    def word(self, command: type, field: str) -> str:
        word = f"zq{len(self.words):03}form"
        self.words[word] = f"{command.__name__}.{field}"
        self.typed.add((command, field))
        return word

    def order_after(self, given: Sequence[Given]) -> UUID:
        create = replace(new_order(), customer_id=self.customer_id)
        dispatch(create, Context(actor=f"customer:{self.customer_id}"))
        for command, values in given:
            dispatch(command(order_id=create.order_id, **values), Context(actor="staff:maya"))
        return create.order_id

    def send(self, command: type, given: Sequence[Given], filled: dict[str, Any]) -> None:
        """Send the form of a command, for an order of its own, with a word in each text."""
        if command is c.EditOrder:
            filled = SENT[c.StageEdit][1]
        order_id = self.order_after(given)
        before = len(store.read_stream(order_id))
        submit(self.client, name_of(command), [order_id], **{**filled, **self.texts(command)})
        assert len(store.read_stream(order_id)) > before, command

    def send_to_many(self, command: type) -> None:
        """Send the form of a command for two orders, with a word in each text that is asked for each of them."""
        before: dict[type, Given] = {c.ReleaseOrder: (c.HoldOrder, {"reason": "Somebody asked"}), c.ShipOrder: PAY}
        given = [before[command]] if command in before else []
        orders = [self.order_after(given) for _ in range(2)]
        own = {
            f"order-{order_id}-{field}": self.word(command, field)
            for order_id in orders
            for field in ("tracking_code",)
            if command is c.ShipOrder
        }
        amounts = {f"order-{order_id}-amount": "1" for order_id in orders if command is c.WriteOff}
        versions = [len(store.read_stream(order_id)) for order_id in orders]
        submit(self.client, name_of(command), orders, **{**self.texts(command), **own, **amounts})
        assert [len(store.read_stream(order_id)) for order_id in orders] == [number + 1 for number in versions], command


def texts_of(cls: Any) -> Iterator[str]:
    """Yield the names of the text fields of a command, and of the values in it, as `added.sku`."""
    hints = get_type_hints(cls)
    for each in fields(cls):
        kinds = {hints[each.name], *get_args(hints[each.name])}
        if str in kinds and each.name not in NO_FREE_TEXTS:
            yield each.name
        for kind in kinds:
            if is_dataclass(kind):
                yield from (f"{each.name}.{name}" for name in texts_of(kind))


def test_no_word_typed_into_a_form_is_left_after_an_erasure(log_in: LogIn, caplog: pytest.LogCaptureFixture) -> None:
    customer = make_customer()
    assert customer.customer_id
    typist = Typist(log_in(BACK_OFFICE), customer.customer_id)
    for command, (given, filled, _, _) in SENT.items():
        typist.send(command, given, filled)
    for command in BULK:
        typist.send_to_many(command)
    cancelled: Given = (c.CancelOrder, {"reason": "Somebody asked"})
    typist.send(c.RestoreOrder, [cancelled], {"version": "1"})
    place_by_form(typist)
    move_money(typist)
    assert {command for command, _ in typist.typed} >= {
        offer.command for offer in OFFERS.values() if list(texts_of(offer.command))
    }
    before = found_in_servers(typist.words)
    assert len(before) > len(typist.words) * 2 / 3, "the search finds what is there"

    call_command("erase_subject", str(customer.customer_id), stdout=io.StringIO())

    assert found_in_servers(typist.words) == {}
    written = "\n".join([caplog.text, *(f"{letter.subject} {letter.body}" for letter in mail.outbox)])
    assert {word: where for word, where in typist.words.items() if word in written} == {}


def place_by_form(typist: Typist) -> None:
    """Place an order for the customer by the form, with a word in each text."""
    filled = {"form_id": str(UUID(int=9)), "customer_id": str(typist.customer_id), **NEW, **ANOTHER_DISCOUNT}
    answer = typist.client.post(f"{ORDERS}place/", {**filled, **typist.texts(c.CreateOrder)})
    assert answer.status_code == 302, answer.content.decode()


def move_money(typist: Typist) -> None:
    """Deposit and withdraw by the forms of the customer's account, with a word in each text."""
    account_id = account_of(typist.customer_id, "GBP")
    dispatch(
        DepositMoney(
            account_id=account_id, customer_id=typist.customer_id, currency="GBP", amount=Decimal(9), method="card"
        ),
        Context(actor="staff:maya"),
    )
    for number, command in enumerate((DepositMoney, WithdrawMoney)):
        account = AccountMoney.objects.get(pk=account_id)
        url = reverse(f"admin:projections_accountmoney_{('deposit', 'withdraw')[number]}", args=[account_id])
        sent = {"form_id": str(UUID(int=20 + number)), "seen": account.version, "amount": "3", **typist.texts(command)}
        assert typist.client.post(url, sent).status_code == 302, command
