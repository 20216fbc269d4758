"""The events of an account. Projections import these, never the rules."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, public, same_shape, upcaster
from orders.accounts.references import is_of_the_shop
from orders.payment_methods import is_known_method


@event("account.opened", subject=("customer_id",))
class AccountOpened:
    """An account was opened. Its currency never changes."""

    account_id: UUID
    customer_id: UUID
    currency: str = public()


@event("account.deposited", schema_version=2, subject=OF_AGGREGATE)
class MoneyDeposited:
    """Money was paid in. `method` is such as card. `reference` is the provider's id, or empty."""

    account_id: UUID
    amount: Decimal
    currency: str = public()
    method: str = personal(unless=is_known_method)
    reference: str = personal(unless=is_of_the_shop)


@event("account.withdrawn", schema_version=3, subject=OF_AGGREGATE)
class MoneyWithdrawn:
    """Money was taken out. `reference` names its purpose, such as a payment of an order; it may be empty."""

    account_id: UUID
    amount: Decimal
    currency: str = public()
    reason: str = personal()
    reference: str = personal(unless=is_of_the_shop)


@upcaster("account.withdrawn", from_version=1)
def _without_a_reference(stored: dict[str, Any]) -> dict[str, Any]:
    return stored | {"reference": ""}


same_shape("account.deposited", from_version=1)
same_shape("account.withdrawn", from_version=2)

AccountEvent = AccountOpened | MoneyDeposited | MoneyWithdrawn
