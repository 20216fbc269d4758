"""What a customer sees of their accounts: the balances, and what moved them.

The balance is what the log's own events add up to, as the rules see it; it stands in a row so that all of a customer's
accounts, and the latest of many movements, are found at once.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, models

from eventstore import store
from eventstore.store import Recorded
from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn
from orders.accounts.identity import account_of
from projections.engine.projection import Projection, handles
from projections.engine.unit_of_work import ReadModel, UnitOfWork
from projections.order_row import money_column
from projections.reading.read_your_writes import NotYetVisible, wait_for


class MovementKind(models.TextChoices):
    DEPOSIT = "deposit", "Deposit"
    WITHDRAWAL = "withdrawal", "Withdrawal"


class CustomerAccount(ReadModel):
    account_id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    balance = money_column()
    opened_at = models.DateTimeField()

    class Meta:
        app_label = "projections"
        indexes = (models.Index(fields=("customer_id", "currency"), name="customeraccount_own"),)

    def __str__(self) -> str:
        return f"{self.currency} account of {self.customer_id}"


class CustomerAccountMovement(models.Model):
    """One movement; `amount` is below zero for a withdrawal, `balance` what there was after it."""

    movement_id = models.BigIntegerField(primary_key=True, help_text="Position of the event.")
    account_id = models.UUIDField()
    customer_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    version = models.PositiveIntegerField(help_text="Of the account, after it.")
    kind = models.CharField(max_length=20, choices=MovementKind.choices)
    amount = money_column()
    balance = money_column()
    method = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    reference = models.TextField(blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        app_label = "projections"
        indexes = (models.Index(fields=("customer_id", "-occurred_at", "-movement_id"), name="customermovement_own"),)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class CustomerAccounts(Projection):
    name = "customer_accounts"
    tables = (CustomerAccount, CustomerAccountMovement)
    complete = AccountEvent
    rank = 1

    @handles(AccountOpened)
    def opened(self, rows: UnitOfWork, event: AccountOpened, fact: Recorded[AccountOpened]) -> None:
        rows.add(
            CustomerAccount(
                account_id=event.account_id,
                customer_id=event.customer_id,
                currency=event.currency,
                balance=Decimal(0),
                opened_at=fact.occurred_at,
            )
        )

    @handles(MoneyDeposited)
    def deposited(self, rows: UnitOfWork, event: MoneyDeposited, fact: Recorded[MoneyDeposited]) -> None:
        _move(rows, fact, MovementKind.DEPOSIT, event.amount, method=event.method, reference=event.reference)

    @handles(MoneyWithdrawn)
    def withdrawn(self, rows: UnitOfWork, event: MoneyWithdrawn, fact: Recorded[MoneyWithdrawn]) -> None:
        _move(rows, fact, MovementKind.WITHDRAWAL, -event.amount, reason=event.reason, reference=event.reference)


def _move(rows: UnitOfWork, fact: Recorded[Any], kind: MovementKind, amount: Decimal, **words: str) -> None:
    account = rows.get(CustomerAccount, fact.aggregate_id)
    account.balance += amount
    rows.journal(
        CustomerAccountMovement(
            movement_id=fact.position,
            account_id=account.account_id,
            customer_id=account.customer_id,
            currency=account.currency,
            version=fact.version,
            kind=kind,
            amount=amount,
            balance=account.balance,
            occurred_at=fact.occurred_at,
            **words,
        )
    )


def own_accounts(customer_id: UUID, *, currency: str = "") -> "models.QuerySet[CustomerAccount]":
    """All of a customer's accounts, or the one in `currency`."""
    own = CustomerAccount.objects.filter(customer_id=customer_id).order_by("currency", "account_id")
    return own.filter(currency=currency) if currency else own


def own_movements(customer_id: UUID, *, currency: str = "") -> "models.QuerySet[CustomerAccountMovement]":
    own = CustomerAccountMovement.objects.filter(customer_id=customer_id)
    return own.filter(currency=currency) if currency else own


def wait_until_shown(customer_id: UUID, currency: str, version: int) -> None:
    """Returns once the customer's account in `currency` shows `version`. Raises NotYetVisible."""
    account_id = account_of(customer_id, currency)
    own = own_accounts(customer_id).using(DEFAULT_DB_ALIAS).filter(pk=account_id, version__gte=version)
    if own.exists():
        return
    facts = store.read_stream(account_id)
    if not facts or facts[-1].version < version:
        raise NotYetVisible(f"the account has not reached version {version}")
    wait_for(own.first, projection=CustomerAccounts.name, rows=[account_id])
