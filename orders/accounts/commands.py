"""The commands of an account.

Each `reference` moves money once: sending it again with the same amount does nothing.
"""

from dataclasses import field
from decimal import Decimal
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked, money, why

BY = checked("The sender, if it moves money between an order and the account.", added_later=True)


@command("account.open")
class OpenAccount:
    """Open an account."""

    account_id: UUID
    customer_id: UUID
    currency: str = field(metadata=checked("ISO 4217 code, such as GBP.", min_length=3, max_length=3))


@command("account.deposit")
class DepositMoney:
    """Pay money into an account. With `customer_id` and `currency`, open the account first if needed."""

    account_id: UUID
    amount: Decimal = field(metadata=money("The amount to deposit, more than zero."))
    method: str = field(metadata=checked("The payment method, such as card or transfer.", max_length=40))
    reference: str = field(
        default="", metadata=checked("The provider's id of this payment. Each id is deposited once.", max_length=100)
    )
    customer_id: UUID | None = None
    currency: str = field(default="", metadata=checked("If given, it must be the account's currency.", max_length=3))
    by: str = field(default="", metadata=BY)


@command("account.withdraw")
class WithdrawMoney:
    """Take money out of an account."""

    account_id: UUID
    amount: Decimal = field(metadata=money("The amount to withdraw, at most the balance."))
    reason: str = field(metadata=why("A reason that will still make sense in a year."))
    reference: str = field(
        default="", metadata=checked("The id of the purpose. Each id is withdrawn once.", max_length=100)
    )
    currency: str = field(default="", metadata=checked("If given, it must be the account's currency.", max_length=3))
    by: str = field(default="", metadata=BY)


AccountCommand = OpenAccount | DepositMoney | WithdrawMoney
