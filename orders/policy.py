"""What each shop decides for itself, read from the settings when the site starts and passed to the rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A shop's choices.

    `paid_before_shipped`: an order ships only when nothing is due. `approval_limits`, by currency: the largest amount
    that one person may move by hand alone within 24 hours, and the largest amount per order that one person may both
    request and approve as refunds. Without any limits one person may always do both. With limits, a currency without
    one always needs two persons.
    """

    paid_before_shipped: bool = True
    approval_limits: Mapping[str, Decimal] = field(default_factory=dict)

    def approval_limit(self, currency: str) -> Decimal:
        """Return how much one person may move alone. Only meaningful if there are limits."""
        return self.approval_limits.get(currency, Decimal(0))

    def needs_second_person(self, amount: Decimal, currency: str) -> bool:
        """Return whether refunds of `amount` may not be requested and approved by the same person."""
        return bool(self.approval_limits) and amount > self.approval_limit(currency)
