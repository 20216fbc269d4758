"""What people of the shop move by hand, and the second person."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from orders.accounts.commands import DepositMoney
from orders.accounts.identity import account_of
from orders.http.approvals import WaitsForApproval, approve, send
from tests.support.order_examples import CREATE

ANNA, BEN = "staff:anna", "staff:ben"
CUSTOMER = UUID(int=77)
ACCOUNT_ID = account_of(CUSTOMER, "GBP")


def deposit(amount: str, **changes: Any) -> DepositMoney:
    """Return a deposit into the customer's account."""
    command = DepositMoney(
        account_id=ACCOUNT_ID, customer_id=CUSTOMER, currency="GBP", amount=Decimal(amount), method="card"
    )
    return replace(command, **changes)


def order() -> UUID:
    """Place the example order as its customer."""
    created = replace(CREATE, order_id=new_id(), customer_id=CUSTOMER)
    dispatch(created, Context(actor=f"customer:{CUSTOMER}"))
    return created.order_id


def by(actor: str) -> Context:
    """Return the context of a command of this actor."""
    return Context(actor=actor)


def ask(command: object, actor: str = ANNA) -> UUID:
    """Send a command over the limit, and return the id of its approval."""
    with pytest.raises(WaitsForApproval) as waits:
        send(command, by(actor))
    return waits.value.approval_id


def approved_by(person: str, approval_id: UUID) -> Any:
    """Approve what waits. Return the answer of the command."""
    return approve(approval_id, by=person, correlation_id=new_id())
