"""What can be asked of an account.

Money moves once for each `reference`: asked for again, with the same amount, nothing more happens.
"""

from dataclasses import field
from decimal import Decimal
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked, money, why


@command("account.open")
class OpenAccount:
    account_id: UUID
    customer_id: UUID
    currency: str = field(metadata=checked("ISO 4217 code, such as GBP.", min_length=3, max_length=3))


@command("account.deposit")
class DepositMoney:
    """With `customer_id` and `currency` it opens the account, where there is none yet."""

    account_id: UUID
    amount: Decimal = field(metadata=money("More than nothing."))
    method: str = field(metadata=checked("How it comes, such as card or transfer.", max_length=40))
    reference: str = field(
        default="", metadata=checked("The provider's id of this payment: it is deposited once.", max_length=100)
    )
    customer_id: UUID | None = None
    currency: str = field(default="", metadata=checked("If given, it has to be the account's.", max_length=3))


@command("account.withdraw")
class WithdrawMoney:
    account_id: UUID
    amount: Decimal = field(metadata=money("At most the balance."))
    reason: str = field(metadata=why("What for, in words that make sense in a year."))
    reference: str = field(
        default="", metadata=checked("The id of what it is taken for: it is withdrawn once.", max_length=100)
    )
    currency: str = field(default="", metadata=checked("If given, it has to be the account's.", max_length=3))


AccountCommand = OpenAccount | DepositMoney | WithdrawMoney
