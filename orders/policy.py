"""What a shop decides for itself, told to the rules when the site starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`approval_limits` say, by currency, up to which amount of an order one person may ask for and approve.

    A currency that is not named has none: there, every refund takes two persons once any currency has a limit.
    """

    paid_before_shipped: bool = True
    approval_limits: Mapping[str, Decimal] = field(default_factory=dict)

    def needs_second_person(self, amount: Decimal, currency: str) -> bool:
        return bool(self.approval_limits) and amount > self.approval_limits.get(currency, Decimal(0))


_policy = Policy()


def current() -> Policy:
    return _policy


def use(policy: Policy) -> None:
    """Called once, when the site starts; and by tests."""
    global _policy  # noqa: PLW0603 - the one thing that rules are told from outside
    _policy = policy
