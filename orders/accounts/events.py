"""The facts of an account. All that projections know of it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, upcaster


@event("account.opened")
class AccountOpened:
    """One account holds one currency, for as long as it exists."""

    account_id: UUID
    customer_id: UUID
    currency: str


@event("account.deposited")
class MoneyDeposited:
    """`method` is how it came, such as card; `reference` the provider's id of it, empty where there is none."""

    account_id: UUID
    amount: Decimal
    currency: str
    method: str
    reference: str


@event("account.withdrawn", schema_version=2)
class MoneyWithdrawn:
    """`reference` is what it was taken for, such as a payment of an order; empty where that has no id."""

    account_id: UUID
    amount: Decimal
    currency: str
    reason: str
    reference: str


@upcaster("account.withdrawn", from_version=1)
def _without_a_reference(stored: dict[str, Any]) -> dict[str, Any]:
    return stored | {"reference": ""}


AccountEvent = AccountOpened | MoneyDeposited | MoneyWithdrawn
