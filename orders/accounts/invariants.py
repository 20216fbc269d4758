"""What an account may never be, and what an event may never say about one."""

from collections.abc import Iterator

from eventstore.errors import CommandRefused, CorruptEvent
from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited
from orders.accounts.references import is_of_the_shop
from orders.accounts.state import Account
from orders.money import exponent, require_exact, require_positive

MOST_REFERENCE = 500
"""Read models find movements by their reference: an index entry holds 2,704 bytes, a character up to four."""


def violations(account: Account) -> Iterator[str]:
    """Yield what is impossible about an open account, in sentences."""
    try:
        exponent(account.currency)
        require_exact(account.balance, account.currency)
    except CommandRefused as refusal:
        yield refusal.message
    if account.balance < 0:
        yield f"the balance is {account.balance} {account.currency}, less than zero"


def require_possible(before: Account, event: AccountEvent, after: Account) -> None:
    """Raise CorruptEvent if the event cannot have led from one state to the other, or if that state is impossible."""
    impossible = next(_of_event(before, event), "") or next(violations(after), "")
    if impossible:
        raise CorruptEvent(f"{type(event).__name__} cannot have happened to this account: {impossible}")


def _of_event(before: Account, event: AccountEvent) -> Iterator[str]:
    if isinstance(event, AccountOpened):
        return
    if event.currency != before.currency:
        yield f"it is in {event.currency}, and the account in {before.currency}"
    try:
        require_positive(event.amount, before.currency)
    except CommandRefused as refusal:
        yield refusal.message
    if len(event.reference) > MOST_REFERENCE:
        yield f"its reference has more than {MOST_REFERENCE} characters"
    moved = before.deposits if isinstance(event, MoneyDeposited) else before.withdrawals
    # Other references may have been replaced by one text: in a file without personal data, or of an erased person.
    if event.reference in moved and is_of_the_shop(event.reference):
        yield f"{event.reference} has moved money before"
