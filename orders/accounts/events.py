"""The events of an account. Projections import these, never the rules."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, upcaster


@event("account.opened")
class AccountOpened:
    """An account was opened. Its currency never changes."""

    account_id: UUID
    customer_id: UUID
    currency: str


@event("account.deposited")
class MoneyDeposited:
    """Money was paid in. `method` is such as card. `reference` is the provider's id, or empty."""

    account_id: UUID
    amount: Decimal
    currency: str
    method: str
    reference: str


@event("account.withdrawn", schema_version=2)
class MoneyWithdrawn:
    """Money was taken out. `reference` names its purpose, such as a payment of an order; it may be empty."""

    account_id: UUID
    amount: Decimal
    currency: str
    reason: str
    reference: str


@upcaster("account.withdrawn", from_version=1)
def _without_a_reference(stored: dict[str, Any]) -> dict[str, Any]:
    return stored | {"reference": ""}


AccountEvent = AccountOpened | MoneyDeposited | MoneyWithdrawn
