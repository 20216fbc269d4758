"""What can be asked of an account."""

from dataclasses import field
from decimal import Decimal
from uuid import UUID

from eventstore.messages import command
from orders.commands import checked


@command("account.open")
class OpenAccount:
    account_id: UUID
    customer_id: UUID
    currency: str = field(metadata=checked("ISO 4217 code, such as GBP.", min_length=3, max_length=3))


@command("account.deposit")
class DepositMoney:
    account_id: UUID
    amount: Decimal = field(metadata=checked("More than nothing.", max_digits=18, decimal_places=4, min_value=0))
    method: str = field(metadata=checked("How it comes, such as card or transfer.", max_length=40))
    reference: str = field(
        default="", metadata=checked("The provider's id of this payment: the same twice is refused.", max_length=100)
    )


@command("account.withdraw")
class WithdrawMoney:
    account_id: UUID
    amount: Decimal = field(metadata=checked("At most the balance.", max_digits=18, decimal_places=4, min_value=0))
    reason: str = field(metadata=checked("What for, in words that make sense in a year.", max_length=300))


AccountCommand = OpenAccount | DepositMoney | WithdrawMoney
