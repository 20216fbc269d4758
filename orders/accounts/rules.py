"""The rules of an account: the balance never goes below zero, and each reference moves money once."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, assert_never, get_args
from uuid import UUID

from eventstore.decider import Decider, HistoryRules, Sender, decider_named, register
from eventstore.errors import AggregateNotFound, CommandRefused
from eventstore.messages import guard
from orders.accounts.commands import AccountCommand, DepositMoney, OpenAccount, WithdrawMoney
from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn
from orders.accounts.identity import MOVER
from orders.accounts.invariants import require_possible
from orders.accounts.references import is_reserved, is_reserved_method
from orders.accounts.state import Account, evolve
from orders.money import LARGEST, require_positive, rounded


def decide(command: AccountCommand, account: Account) -> Sequence[AccountEvent]:
    """Return the events of `command` on `account`. Raises CommandRefused, AggregateNotFound."""
    match command:
        case OpenAccount():
            return [_open(command, account)]
        case DepositMoney():
            return _deposit(command, account)
        case WithdrawMoney():
            return _withdraw(command, account)
        case _:
            assert_never(command)


def _open(command: OpenAccount, account: Account) -> AccountOpened:
    if account.currency:
        raise CommandRefused("account_exists", "account {account_id} is open already", account_id=command.account_id)
    rounded(Decimal(0), command.currency)  # refuses unknown currencies
    return AccountOpened(account_id=command.account_id, customer_id=command.customer_id, currency=command.currency)


def _deposit(command: DepositMoney, account: Account) -> Sequence[AccountEvent]:
    _require_unreserved(command)
    opened: list[AccountEvent] = []
    if not account.currency and command.customer_id and command.currency:
        opening = OpenAccount(account_id=command.account_id, customer_id=command.customer_id, currency=command.currency)
        opened = [_open(opening, account)]
        account = evolve(account, opened[0])
    if command.customer_id not in (None, account.customer_id):
        raise _no_account(command.account_id)
    amount = _movable(command, account)
    if _moved_before(command.reference, amount, account.deposits):
        return []
    if account.balance + amount >= LARGEST:
        raise CommandRefused("amount_too_large", "the balance must stay below {largest}", largest=f"{LARGEST:,}")
    deposited = MoneyDeposited(
        account_id=command.account_id,
        amount=amount,
        currency=account.currency,
        method=command.method,
        reference=command.reference,
    )
    return [*opened, deposited]


def _withdraw(command: WithdrawMoney, account: Account) -> Sequence[AccountEvent]:
    _require_unreserved(command)
    amount = _movable(command, account)
    if _moved_before(command.reference, amount, account.withdrawals):
        return []
    if amount > account.balance:
        raise CommandRefused(
            "balance_too_low",
            "{amount} {currency} cannot be withdrawn: the balance is {balance} {currency}",
            amount=f"{amount:,}",
            currency=account.currency,
            balance=f"{account.balance:,}",
        )
    if not command.reason.strip():
        raise CommandRefused("no_reason", "a withdrawal needs a reason")
    return [
        MoneyWithdrawn(
            account_id=command.account_id,
            amount=amount,
            currency=account.currency,
            reason=command.reason.strip(),
            reference=command.reference,
        )
    ]


def _require_unreserved(command: DepositMoney | WithdrawMoney) -> None:
    """Let only the account-payments process use what names a payment or a refund of an order. Raises CommandRefused.

    Else a deposit would settle a refund that nobody approved, and a withdrawal would capture a payment.
    """
    if command.by == MOVER:
        return
    if isinstance(command, DepositMoney) and is_reserved_method(command.method):
        raise CommandRefused(
            "method_reserved",
            "the method {method} is reserved for money returned from an order: name another",
            method=command.method,
        )
    if is_reserved(command.reference):
        raise CommandRefused(
            "reference_reserved",
            "references such as {reference} are reserved for money that moves between an order and an account: name"
            " another, or none",
            reference=command.reference,
        )


def _moved_before(reference: str, amount: Decimal, moved: Mapping[str, Decimal]) -> bool:
    """Return whether the reference moved this amount before. Raises CommandRefused if it moved another amount."""
    if reference not in moved:
        return False
    if moved[reference] != amount:
        raise CommandRefused(
            "reference_used",
            "{reference} was used for {moved}, and cannot be used for {amount}",
            reference=reference,
            moved=f"{moved[reference]:,}",
            amount=f"{amount:,}",
        )
    return True


def _movable(command: DepositMoney | WithdrawMoney, account: Account) -> Decimal:
    """Return the amount with the decimals of the account's currency. Raises CommandRefused, AggregateNotFound."""
    if not account.currency:
        raise _no_account(command.account_id)
    if command.currency not in ("", account.currency):
        raise CommandRefused(
            "currency_differs",
            "this account is in {currency}, not in {other}",
            currency=account.currency,
            other=command.currency,
        )
    return require_positive(command.amount, account.currency)


def _no_account(account_id: UUID) -> AggregateNotFound:
    return AggregateNotFound("account_not_found", "there is no account {account_id}", account_id=account_id)


@guard("account.own")
class OwnAccount:
    """Let only the account's customer send the command. For other customers the account does not exist."""

    account_id: UUID
    customer_id: UUID

    def __call__(self, account: Account) -> None:
        """Raise AggregateNotFound for another customer."""
        if account.customer_id != self.customer_id:
            raise _no_account(self.account_id)


def _accompany(command: Any, account: Account, events: Sequence[AccountEvent], sender: Sender) -> Sequence[object]:
    """Do what accompanies the commands of orders: the shop has one policy, and it is registered with the orders."""
    of_orders = decider_named("order").accompany
    return of_orders(command, account, events, sender) if of_orders else ()


ACCOUNT = Decider(
    aggregate_type="account",
    initial=Account(),
    decide=decide,
    evolve=evolve,
    identify=lambda command: command.account_id,
    history=HistoryRules(begun_by=(AccountOpened,), id_field="account_id", require_possible=require_possible),
    accompany=_accompany,
    subject=lambda account, account_id: account.customer_id,
)


register(ACCOUNT, get_args(AccountCommand))
