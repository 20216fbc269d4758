"""The read models of accounts for customers and for accountants: these events make these rows."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from eventstore import store
from eventstore.codec import Metadata
from eventstore.ids import new_id
from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn
from projections.accounting.balances import AccountMoney, AccountMoneyEntry
from projections.customer.account import CustomerAccount, CustomerAccountMovement
from projections.engine.projection import PROJECTIONS
from tests.support import projection_spec
from tests.support.clock import AT

pytestmark = pytest.mark.django_db(transaction=True)

ADA, BEA = UUID(int=2), UUID(int=3)
POUNDS, EUROS, BEAS = UUID(int=11), UUID(int=12), UUID(int=13)


class given(projection_spec.given):  # noqa: N801 - reads as a sentence
    def __init__(self, *events: AccountEvent) -> None:
        versions: dict[UUID, int] = {}
        for hours, event in enumerate(events):
            metadata = Metadata(
                actor="service:test",
                command_id=new_id(),
                correlation_id=new_id(),
                occurred_at=AT + timedelta(hours=hours),
            )
            write = store.Write(
                aggregate_type="account",
                aggregate_id=event.account_id,
                expected_version=versions.get(event.account_id, 0),
                events=[event],
                metadata=metadata,
                subject_id=projection_spec.person_of(event.account_id),
            )
            store.append([write])
            versions[event.account_id] = write.expected_version + 1


def opened(account_id: UUID, customer_id: UUID, currency: str = "GBP") -> AccountOpened:
    return AccountOpened(account_id=account_id, customer_id=customer_id, currency=currency)


def deposited(account_id: UUID, amount: str, currency: str = "GBP") -> MoneyDeposited:
    return MoneyDeposited(
        account_id=account_id, amount=Decimal(amount), currency=currency, method="card", reference="pay_1"
    )


def withdrawn(account_id: UUID, amount: str, currency: str = "GBP") -> MoneyWithdrawn:
    return MoneyWithdrawn(
        account_id=account_id, amount=Decimal(amount), currency=currency, reason="Order W-1", reference="o/1"
    )


LIFE = (
    opened(POUNDS, ADA),
    opened(BEAS, BEA),
    deposited(POUNDS, "50.00"),
    opened(EUROS, ADA, "EUR"),
    deposited(POUNDS, "70.00"),
    deposited(EUROS, "5.00", "EUR"),
    withdrawn(POUNDS, "20.00"),
)


def test_a_customer_sees_each_balance_and_its_movements() -> None:
    (
        given(*LIFE)
        .project("customer_accounts")
        .then(
            CustomerAccount,
            {"account_id": POUNDS, "customer_id": ADA, "currency": "GBP", "balance": 100, "version": 4},
            {"account_id": EUROS, "customer_id": ADA, "currency": "EUR", "balance": 5, "version": 2},
            {"account_id": BEAS, "customer_id": BEA, "currency": "GBP", "balance": 0, "version": 1},
        )
        .then(
            CustomerAccountMovement,
            {"account_id": POUNDS, "kind": "deposit", "amount": 50, "balance": 50, "method": "card", "version": 2},
            {"account_id": POUNDS, "kind": "deposit", "amount": 70, "balance": 120, "reference": "pay_1"},
            {"account_id": EUROS, "kind": "deposit", "amount": 5, "balance": 5, "currency": "EUR"},
            {"account_id": POUNDS, "kind": "withdrawal", "amount": -20, "balance": 100, "reason": "Order W-1"},
        )
    )


def test_accountants_see_the_balance_of_each_account_and_every_movement() -> None:
    projected = given(*LIFE).project("account_money")
    projected.then(
        AccountMoney,
        {"account_id": POUNDS, "deposited": 120, "withdrawn": 20, "balance": 100, "opened_on": AT.date()},
        {"account_id": EUROS, "deposited": 5, "withdrawn": 0, "balance": 5},
        {"account_id": BEAS, "deposited": 0, "withdrawn": 0, "balance": 0},
    )
    assert AccountMoneyEntry.objects.count() == 4
    invariants = list(projected.projection.invariants())
    assert len(invariants) == 7
    assert all(invariant.holds for invariant in invariants)


@pytest.mark.parametrize(
    ("column", "value"), [("deposited", 1), ("withdrawn", 1), ("balance", 1), ("balance", Decimal("-0.01"))]
)
def test_a_wrong_sum_breaks_an_invariant(column: str, value: Decimal) -> None:
    given(*LIFE).project("account_money")
    AccountMoney.objects.filter(pk=POUNDS).update(**{column: value})
    assert [invariant.words for invariant in PROJECTIONS["account_money"].invariants() if not invariant.holds]
