"""Account ids: one account per customer and currency, under an id computed from both."""

from uuid import UUID, uuid5

MOVER = "service:account-payments"
"""The actor that moves money between orders and accounts. Only it may finish payments and refunds in transit."""

FROM_ACCOUNT = "account"
"""The payment method of payments from the customer's account in the shop."""
METHODS = (FROM_ACCOUNT,)
"""The payment methods that pay from an account."""

_ACCOUNTS = UUID("b1f0a7f4-6c1e-4a0e-8f57-2d8c5c3e9b46")


def account_of(customer_id: UUID, currency: str) -> UUID:
    """Return the id of the customer's account in `currency` (ISO 4217), opened or not."""
    return uuid5(_ACCOUNTS, f"{customer_id}/{currency}")
