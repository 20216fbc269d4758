"""The rules of an account: its balance is what was deposited less what was withdrawn, and is never below zero."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never, get_args
from uuid import UUID

from eventstore.decider import Decider, register
from eventstore.errors import AggregateNotFound, CommandRefused
from eventstore.messages import guard
from orders.accounts.commands import AccountCommand, DepositMoney, OpenAccount, WithdrawMoney
from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn
from orders.money import LARGEST, require_exact, rounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as its rules see it. `currency` is empty until it is opened; `references` are the providers' ids."""

    customer_id: UUID | None = None
    currency: str = ""
    balance: Decimal = Decimal(0)
    references: frozenset[str] = frozenset()


def decide(command: AccountCommand, account: Account) -> Sequence[AccountEvent]:
    """What happens when `command` meets `account`. Raises CommandRefused, in words for whoever sent it."""
    match command:
        case OpenAccount():
            return [_open(command, account)]
        case DepositMoney():
            return [_deposit(command, account)]
        case WithdrawMoney():
            return [_withdraw(command, account)]
        case _:
            assert_never(command)


def evolve(account: Account, event: AccountEvent) -> Account:
    """`account` after `event`. No rule stands here: what happened, happened."""
    match event:
        case AccountOpened():
            return replace(account, customer_id=event.customer_id, currency=event.currency)
        case MoneyDeposited():
            references = account.references | ({event.reference} if event.reference else set())
            return replace(account, balance=account.balance + event.amount, references=references)
        case MoneyWithdrawn():
            return replace(account, balance=account.balance - event.amount)
        case _:
            assert_never(event)


def _open(command: OpenAccount, account: Account) -> AccountOpened:
    if account.currency:
        raise CommandRefused("account_exists", f"account {command.account_id} is open already")
    rounded(Decimal(0), command.currency)  # refuses what is no currency
    return AccountOpened(account_id=command.account_id, customer_id=command.customer_id, currency=command.currency)


def _deposit(command: DepositMoney, account: Account) -> MoneyDeposited:
    amount = _movable(command, account)
    if command.reference in account.references:
        raise CommandRefused("reference_used", f"the payment {command.reference} was deposited already")
    if account.balance + amount >= LARGEST:
        raise CommandRefused("amount_too_large", f"the balance would be {LARGEST:,} or more")
    return MoneyDeposited(
        account_id=command.account_id,
        amount=amount,
        currency=account.currency,
        method=command.method,
        reference=command.reference,
    )


def _withdraw(command: WithdrawMoney, account: Account) -> MoneyWithdrawn:
    amount = _movable(command, account)
    if amount > account.balance:
        raise CommandRefused(
            "balance_too_low", f"{amount:,} {account.currency} cannot be withdrawn from {account.balance:,}"
        )
    if not command.reason.strip():
        raise CommandRefused("no_reason", "a withdrawal needs a reason")
    return MoneyWithdrawn(
        account_id=command.account_id, amount=amount, currency=account.currency, reason=command.reason.strip()
    )


def _movable(command: DepositMoney | WithdrawMoney, account: Account) -> Decimal:
    """The amount in the account's own decimals. Raises CommandRefused, AggregateNotFound."""
    if not account.currency:
        raise AggregateNotFound("account_not_found", f"there is no account {command.account_id}")
    if not command.amount.is_finite() or command.amount <= 0:
        raise CommandRefused("amount_not_positive", f"{command.amount} is not more than nothing")
    if command.amount >= LARGEST:
        raise CommandRefused("amount_too_large", f"{LARGEST:,} or more is never moved at once")
    require_exact(command.amount, account.currency, "the amount")
    return rounded(command.amount, account.currency)


@guard("account.own")
class OwnAccount:
    """Lets only its customer near an account: to anybody else it does not exist."""

    account_id: UUID
    customer_id: UUID

    def __call__(self, account: Account) -> None:
        if account.customer_id != self.customer_id:
            raise AggregateNotFound("account_not_found", f"there is no account {self.account_id}")


ACCOUNT = Decider(
    aggregate_type="account",
    initial=Account(),
    decide=decide,
    evolve=evolve,
    identify=lambda command: command.account_id,
)
register(ACCOUNT, get_args(AccountCommand))
