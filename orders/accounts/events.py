"""The facts of an account. All that projections know of it."""

from decimal import Decimal
from uuid import UUID

from eventstore.messages import event


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


@event("account.withdrawn")
class MoneyWithdrawn:
    account_id: UUID
    amount: Decimal
    currency: str
    reason: str


AccountEvent = AccountOpened | MoneyDeposited | MoneyWithdrawn
