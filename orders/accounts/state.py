"""The state of an account: its balance, and every reference that moved money."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as its rules see it. `currency` is empty until it is opened.

    `deposits` and `withdrawals` are the references that moved money, and how much. None is ever forgotten: a payment
    that comes again years later is still the same payment.
    """

    customer_id: UUID | None = None
    currency: str = ""
    balance: Decimal = Decimal(0)
    deposits: Mapping[str, Decimal] = field(default_factory=dict, hash=False)
    withdrawals: Mapping[str, Decimal] = field(default_factory=dict, hash=False)


def evolve(account: Account, event: AccountEvent) -> Account:
    """`account` after `event`. No rule stands here: what happened, happened."""
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
