"""What an amount of money, a number of units and a list of numbered parts may never be."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from eventstore.errors import CommandRefused
from orders.money import require_exact
from orders.values import MOST_UNITS, ZERO, LineAmount, LineQuantity, RefundLine


def problem_of(what: str, amount: Decimal, currency: str, *, least: Decimal | None = ZERO) -> Iterator[str]:
    """Yield why `amount` is no amount in this currency: below `least`, too large, or with too many decimals."""
    try:
        require_exact(amount, currency)
    except CommandRefused as refusal:
        yield f"{what}: {refusal.message}"
        return
    if least is not None and amount < least:
        yield f"{what} is {amount} {currency}, less than {least}"


def problem_of_payment(what: str, amount: Decimal, currency: str) -> Iterator[str]:
    """Yield why `amount` cannot be one that moves: it must be an amount, and more than zero."""
    yield from problem_of(what, amount, currency)
    if not amount:
        yield f"{what} is zero"


def problem_of_units(what: str, units: int, *, least: int = 0) -> Iterator[str]:
    """Yield why `units` is no number of units."""
    if not least <= units <= MOST_UNITS:
        yield f"{what} is {units}: at least {least} and at most {MOST_UNITS:,} is possible"


def problem_of_difference(what: str, stated: Decimal, found: Decimal) -> Iterator[str]:
    """Yield that a figure which the event states does not follow from what it does."""
    if stated != found:
        yield f"its {what} is {stated}, but {found} follows from it"


def problem_of_numbers(what: str, numbers: Sequence[int]) -> Iterator[str]:
    """Yield that parts of an order are not numbered from 1 in their order, or that two have one number."""
    if any(number != place for place, number in enumerate(numbers, start=1)):
        yield f"the {what} have the numbers {', '.join(map(str, numbers))}, and not 1 to {len(numbers)}"


def problem_of_repeats(named: Iterable[LineAmount | LineQuantity | RefundLine]) -> Iterator[str]:
    """Yield which line is named twice."""
    seen: set[int] = set()
    for each in named:
        if each.line_id in seen:
            yield f"line {each.line_id} is named twice"
        seen.add(each.line_id)
