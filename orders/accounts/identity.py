"""Which account is whose: one for each customer and currency, under an id that everybody can work out."""

from uuid import UUID, uuid5

MOVER = "service:account-payments"
"""Who moves money between orders and accounts; what is on its way between them is nobody else's to decide."""

FROM_ACCOUNT = "account"
"""The method of an order's payment that is made from the customer's account in the shop."""

_ACCOUNTS = UUID("b1f0a7f4-6c1e-4a0e-8f57-2d8c5c3e9b46")


def account_of(customer_id: UUID, currency: str) -> UUID:
    """The id of the customer's account in `currency` (ISO 4217), whether or not it was opened."""
    return uuid5(_ACCOUNTS, f"{customer_id}/{currency}")
