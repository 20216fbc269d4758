"""The accounting read model of customer accounts: the money that the shop holds for customers, and each movement."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Sum
from django.db.models.functions import Upper
from django.utils import timezone

from eventstore.models import Contents
from eventstore.personal_data.subjects import SubjectErased
from eventstore.store import Recorded
from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn
from orders.erasing import erased, erased_method, erased_reference
from projections.engine.projection import Invariant, Projection, handles
from projections.engine.unit_of_work import ReadModel, UnitOfWork
from projections.order_row import money_column


class MoneyKind(models.TextChoices):
    """What a movement was."""

    DEPOSIT = "deposit", "Deposit"
    WITHDRAWAL = "withdrawal", "Withdrawal"


class AccountMoney(ReadModel):
    """One account. `balance` is what the shop owes the customer: deposits less withdrawals."""

    account_id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    deposited = money_column()
    withdrawn = money_column()
    balance = money_column()
    opened_on = models.DateField()

    class Meta:
        app_label = "projections"
        verbose_name = "customer account"
        verbose_name_plural = "customer accounts"
        indexes = (
            models.Index(fields=("-balance", "account_id"), name="accountmoney_balance"),
            models.Index(fields=("customer_id",), name="accountmoney_customer"),
        )

    def __str__(self) -> str:
        return f"{self.currency} account of {self.customer_id}"


class AccountMoneyEntry(models.Model):
    """One movement. `amount` is positive for both kinds; `day` is the business day in the shop's time zone."""

    contents = Contents.REMADE

    entry_id = models.BigIntegerField(primary_key=True, help_text="Position of the event.")
    account_id = models.UUIDField()
    customer_id = models.UUIDField()
    day = models.DateField()
    kind = models.CharField(max_length=20, choices=MoneyKind.choices)
    currency = models.CharField(max_length=3)
    amount = money_column()
    method = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    reference = models.TextField(blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        app_label = "projections"
        verbose_name = "account movement"
        verbose_name_plural = "account movements"
        indexes = (
            models.Index(fields=("-day", "-entry_id"), name="accountmoneyentry_day"),
            models.Index(fields=("account_id",), name="accountmoneyentry_account"),
            models.Index(fields=("customer_id",), name="accountmoneyentry_customer"),
            models.Index(Upper("reference"), name="accountmoneyentry_reference"),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.amount} {self.currency}"


class AccountsMoney(Projection):
    """The projection of `AccountMoney` and `AccountMoneyEntry`."""

    name = "account_money"
    version = 2
    tables = (AccountMoney, AccountMoneyEntry)
    complete = AccountEvent

    def invariants(self) -> Iterator[Invariant]:
        """Yield the checks: accounts and entries have the same sums, and no account is negative."""
        entry_sums = {
            (row["currency"], row["kind"]): row["sum"]
            for row in AccountMoneyEntry.objects.values("currency", "kind").annotate(sum=Sum("amount"))
        }
        by_currency = AccountMoney.objects.values("currency")
        for row in by_currency.annotate(
            deposits=Sum("deposited"), withdrawals=Sum("withdrawn"), balances=Sum("balance")
        ):
            currency = row["currency"]
            for column, total, kind in (
                ("deposited", row["deposits"], MoneyKind.DEPOSIT),
                ("withdrawn", row["withdrawals"], MoneyKind.WITHDRAWAL),
            ):
                entries = entry_sums.get((currency, kind), Decimal(0))
                yield Invariant(f"{currency} {column} by account and by entry", total, entries)
            difference = row["deposits"] - row["withdrawals"]
            yield Invariant(f"{currency} balances are deposits less withdrawals", row["balances"], difference)
        yield Invariant("negative accounts", AccountMoney.objects.filter(balance__lt=0).count(), 0)

    @handles(AccountOpened)
    def opened(self, rows: UnitOfWork, event: AccountOpened, fact: Recorded[AccountOpened]) -> None:
        """Add the row of a new account."""
        rows.add(
            AccountMoney(
                account_id=event.account_id,
                customer_id=event.customer_id,
                currency=event.currency,
                deposited=Decimal(0),
                withdrawn=Decimal(0),
                balance=Decimal(0),
                opened_on=timezone.localdate(fact.occurred_at),
            )
        )

    @handles(MoneyDeposited)
    def deposited(self, rows: UnitOfWork, event: MoneyDeposited, fact: Recorded[MoneyDeposited]) -> None:
        """Add the deposit to the account, and enter it."""
        account = rows.get(AccountMoney, event.account_id)
        account.deposited += event.amount
        account.balance += event.amount
        rows.journal(_entry(fact, account, MoneyKind.DEPOSIT, method=event.method))

    @handles(MoneyWithdrawn)
    def withdrawn(self, rows: UnitOfWork, event: MoneyWithdrawn, fact: Recorded[MoneyWithdrawn]) -> None:
        """Subtract the withdrawal from the account, and enter it."""
        account = rows.get(AccountMoney, event.account_id)
        account.withdrawn += event.amount
        account.balance -= event.amount
        rows.journal(_entry(fact, account, MoneyKind.WITHDRAWAL, reason=event.reason))

    @handles(SubjectErased, in_every_shard=True)
    def erased(self, rows: UnitOfWork, event: SubjectErased, fact: Recorded[SubjectErased]) -> None:
        """Erase the texts of a customer's movements. Amounts and references that the shop made stay."""
        for entry in rows.where_journalled(AccountMoneyEntry, about="account_id", customer_id=event.subject_id):
            entry.reason, entry.reference = erased(entry.reason), erased_reference(entry.reference)
            entry.method = erased_method(entry.method)


def _entry(fact: Recorded[Any], account: AccountMoney, kind: MoneyKind, **texts: str) -> AccountMoneyEntry:
    return AccountMoneyEntry(
        entry_id=fact.position,
        account_id=account.account_id,
        customer_id=account.customer_id,
        day=timezone.localdate(fact.occurred_at),
        kind=kind,
        currency=account.currency,
        amount=fact.event.amount,
        reference=fact.event.reference,
        recorded_at=fact.timestamp,
        **texts,
    )
