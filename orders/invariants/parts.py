"""What the lines, payments, parcels, refunds and returns of an order may never be."""

from collections.abc import Iterable, Iterator

from orders.invariants.amounts import problem_of_numbers, problem_of_repeats, problem_of_units
from orders.state import Order, units_of
from orders.values import LineAmount, LineQuantity


def violations(order: Order) -> Iterator[str]:
    """Yield what is impossible about the numbers and the units of the parts."""
    yield from problem_of_numbers("lines", [each.line_id for each in order.lines])
    yield from problem_of_numbers("payments", [each.payment_id for each in order.payments])
    yield from problem_of_numbers("parcels", [each.shipment_id for each in order.shipments])
    yield from problem_of_numbers("refunds", [each.refund_id for each in order.refunds])
    yield from problem_of_numbers("returns", [each.return_id for each in order.returns])
    for parcel in order.shipments:
        yield from (f"parcel {parcel.shipment_id}: {problem}" for problem in problem_of_named(parcel.lines))
    for each in order.returns:
        yield from (f"return {each.return_id}: {problem}" for problem in problem_of_named(each.lines))
        for left in each.outstanding:
            if not 0 < left.quantity <= units_of(each.lines, left.line_id):
                yield f"return {each.return_id}: {left.quantity} units of line {left.line_id} are outstanding"


def problem_of_named(named: Iterable[LineQuantity | LineAmount]) -> Iterator[str]:
    """Yield why these cannot be the units of some lines: each line once, with one unit or more."""
    lines = tuple(named)
    if not lines:
        yield "it names no line"
    yield from problem_of_repeats(lines)
    for each in lines:
        yield from problem_of_units(f"the units of line {each.line_id}", each.quantity, least=1)
