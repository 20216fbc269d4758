"""The state of an account: its balance and the references that moved money."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account. `currency` is empty until the account is opened.

    `deposits` and `withdrawals` map each reference to the amount it moved. References are never removed, so a payment
    that is reported again years later is still recognised.
    """

    customer_id: UUID | None = None
    currency: str = ""
    balance: Decimal = Decimal(0)
    deposits: Mapping[str, Decimal] = field(default_factory=dict, hash=False)
    withdrawals: Mapping[str, Decimal] = field(default_factory=dict, hash=False)


def evolve(account: Account, event: AccountEvent) -> Account:
    """Return `account` after `event`. No rule is checked: the event has happened."""
    match event:
        case AccountOpened():
            return replace(account, customer_id=event.customer_id, currency=event.currency)
        case MoneyDeposited():
            deposits = _with(account.deposits, event)
            return replace(account, balance=account.balance + event.amount, deposits=deposits)
        case MoneyWithdrawn():
            withdrawals = _with(account.withdrawals, event)
            return replace(account, balance=account.balance - event.amount, withdrawals=withdrawals)
        case _:
            assert_never(event)


def _with(moved: Mapping[str, Decimal], event: MoneyDeposited | MoneyWithdrawn) -> Mapping[str, Decimal]:
    return {**moved, event.reference: event.amount} if event.reference else moved
