"""The customer's read model of accounts: the balances and their movements.

A balance is the sum of the account's events, the same that the rules use. The tables make it cheap to list all accounts
of a customer, and their newest movements.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, models

from eventstore import store
from eventstore.models import Contents
from eventstore.personal_data.subjects import SubjectErased
from eventstore.store import Recorded
from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn
from orders.accounts.identity import account_of
from orders.erasing import erased, erased_method, erased_reference
from projections.engine.projection import Projection, handles
from projections.engine.unit_of_work import ReadModel, UnitOfWork
from projections.order_row import money_column
from projections.reading.read_your_writes import NotYetVisible, wait_for


class MovementKind(models.TextChoices):
    """What a movement was."""

    DEPOSIT = "deposit", "Deposit"
    WITHDRAWAL = "withdrawal", "Withdrawal"


class CustomerAccount(ReadModel):
    """An account and its balance."""

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
    """One movement. `amount` is negative for a withdrawal; `balance` is the balance after the movement."""

    contents = Contents.REMADE

    movement_id = models.BigIntegerField(primary_key=True, help_text="Position of the event.")
    account_id = models.UUIDField()
    customer_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    version = models.PositiveIntegerField(help_text="The account's version after the movement.")
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
    """The projection of `CustomerAccount` and `CustomerAccountMovement`."""

    name = "customer_accounts"
    version = 2
    tables = (CustomerAccount, CustomerAccountMovement)
    complete = AccountEvent
    rank = 1

    @handles(AccountOpened)
    def opened(self, rows: UnitOfWork, event: AccountOpened, fact: Recorded[AccountOpened]) -> None:
        """Add the row of a new account."""
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
        """Add the deposit to the balance."""
        _move(rows, fact, MovementKind.DEPOSIT, event.amount, method=event.method, reference=event.reference)

    @handles(MoneyWithdrawn)
    def withdrawn(self, rows: UnitOfWork, event: MoneyWithdrawn, fact: Recorded[MoneyWithdrawn]) -> None:
        """Subtract the withdrawal from the balance."""
        _move(rows, fact, MovementKind.WITHDRAWAL, -event.amount, reason=event.reason, reference=event.reference)

    @handles(SubjectErased, in_every_shard=True)
    def erased(self, rows: UnitOfWork, event: SubjectErased, fact: Recorded[SubjectErased]) -> None:
        """Erase the texts of a customer's movements. Amounts and references that the shop made stay."""
        for entry in rows.where_journalled(CustomerAccountMovement, about="account_id", customer_id=event.subject_id):
            entry.reason, entry.reference = erased(entry.reason), erased_reference(entry.reference)
            entry.method = erased_method(entry.method)


def _move(rows: UnitOfWork, fact: Recorded[Any], kind: MovementKind, amount: Decimal, **texts: str) -> None:
    """Change the balance by `amount`, and add the movement. `texts` are its method, reason and reference."""
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
            **texts,
        )
    )


def own_accounts(customer_id: UUID, *, currency: str = "") -> "models.QuerySet[CustomerAccount]":
    """Return all accounts of a customer, or the one in `currency`."""
    own = CustomerAccount.objects.filter(customer_id=customer_id).order_by("currency", "account_id")
    return own.filter(currency=currency) if currency else own


def own_movements(customer_id: UUID, *, currency: str = "") -> "models.QuerySet[CustomerAccountMovement]":
    """Return all movements of a customer's accounts, or those in `currency`, in no particular order."""
    own = CustomerAccountMovement.objects.filter(customer_id=customer_id)
    return own.filter(currency=currency) if currency else own


def wait_until_shown(customer_id: UUID, currency: str, version: int) -> None:
    """Wait until the customer's account in `currency` shows `version`. Raises NotYetVisible."""
    account_id = account_of(customer_id, currency)
    own = own_accounts(customer_id).using(DEFAULT_DB_ALIAS).filter(pk=account_id, version__gte=version)
    if own.exists():
        return
    facts = store.read_stream(account_id)
    if not facts or facts[-1].version < version:
        raise NotYetVisible(f"the account has not reached version {version}")
    wait_for(own.first, projection=CustomerAccounts.name, rows=[account_id])
