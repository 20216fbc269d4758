"""What is known of a command's fields once it is known which order it is for."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_args, get_origin, get_type_hints

from orders import commands as c
from orders.actions import PART_FIELDS, possible_commands
from orders.lines import Line
from orders.state import Order, units_of
from orders.values import ReturnStatus
from ordersite.admin.command_form import FieldPrefill
from ordersite.admin.rows_field import Row
from projections.staff.order_sections import describe_part, format_amount
from projections.staff.orders import StaffOrder

NEW_ORDER = {"lines": FieldPrefill(blank=8), "shipping": FieldPrefill(blank=1), "discounts": FieldPrefill(blank=2)}

STARTS: dict[tuple[type, str], Callable[[StaffOrder], Any]] = {
    (c.PayOrder, "amount"): lambda row: row.due,
    (c.AuthorisePayment, "amount"): lambda row: max(row.due - row.state.capturable, 0) or None,
    (c.RecordPaymentFailure, "amount"): lambda row: row.due or None,
    (c.ChangeAddress, "shipping_address"): lambda row: row.shipping_address,
    (c.ChangeAddress, "country"): lambda row: row.country,
}
"""What a field starts with."""


@dataclass(frozen=True, kw_only=True)
class LineChoices:
    """Which lines a field may name: those of which there is at least one unit, by `most`, under the heading `words`.

    `filled`: the rows start with that many, and count as they are. `now`: they start with it, and count once changed.
    `worth`: the heading over what a line comes to at most.
    """

    words: str
    most: Callable[[Order, Line, int | None], int]
    filled: bool = False
    now: bool = False
    worth: str = ""


def _open(order: Order, line: Line, part: int | None) -> int:
    return line.open if line.is_goods or not order.anything_shipped else 0


def _outstanding(order: Order, line: Line, part: int | None) -> int:
    those = (each for each in order.returns if each.status is ReturnStatus.APPROVED and part in (None, each.return_id))
    return sum(units_of(each.outstanding, line.line_id) for each in those)


def _untouched(order: Order, line: Line, part: int | None) -> int:
    return line.quantity if line.is_untouched else 0


LINES = {
    (c.ShipLines, "lines"): LineChoices(
        words="To be sent", most=lambda order, line, part: line.open if line.is_goods else 0, filled=True
    ),
    (c.CancelLines, "lines"): LineChoices(words="Can be cancelled", most=_open),
    (c.RequestReturn, "lines"): LineChoices(
        words="Can come back",
        most=lambda order, line, part: line.shipped - line.returned - order.in_return(line.line_id),
    ),
    (c.ReceiveReturn, "restocked"): LineChoices(words="On its way", most=_outstanding, filled=True),
    (c.ReceiveReturn, "damaged"): LineChoices(words="On its way", most=_outstanding),
    (c.RequestRefund, "lines"): LineChoices(
        words="Not refunded",
        most=lambda order, line, part: line.quantity - line.refunded if line.given_back < line.total else 0,
        worth="At most",
    ),
    (c.StageEdit, "quantities"): LineChoices(words="Now", most=_untouched, now=True),
    (c.EditOrder, "quantities"): LineChoices(words="Now", most=_untouched, now=True),
}
"""A field about lines that is not here may name any of them."""

_ANY = LineChoices(words="Ordered", most=lambda order, line, part: line.quantity)


def prefill_fields(command: type, row: StaffOrder, asked: Mapping[str, Any]) -> dict[str, FieldPrefill]:
    """What is known of the fields of `command` for this order; `asked` is what the request already says."""
    known: dict[str, FieldPrefill] = {}
    hints = get_type_hints(command)
    for each in fields(command):
        start = STARTS.get((command, each.name))
        if each.name in PART_FIELDS:
            choices = _parts(command, each.name, row, optional=each.default is not MISSING)
            known[each.name] = FieldPrefill(choices=choices, initial=asked.get(each.name))
        elif _is_about_lines(hints[each.name]):
            known[each.name] = _lines(LINES.get((command, each.name), _ANY), row, asked)
        elif start:
            known[each.name] = FieldPrefill(initial=_plain(start(row)))
    return known


def _is_about_lines(hint: Any) -> bool:
    return get_origin(hint) is tuple and any(each.name == "line_id" for each in fields(get_args(hint)[0]))


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) or value is None else f"{value.normalize():f}"


def _parts(command: type, name: str, row: StaffOrder, *, optional: bool) -> tuple[tuple[int, str], ...]:
    """The parts that the command could be about; where it need not be about one, all of them."""
    order = row.state
    parts = {
        "payment_id": order.payments,
        "shipment_id": order.shipments,
        "refund_id": order.refunds,
        "return_id": order.returns,
    }
    able = {getattr(each, name) for each in possible_commands(order, (command,))}
    numbered = ((getattr(each, name), each) for each in parts[name])
    return tuple((number, describe_part(each, row.currency)) for number, each in numbered if optional or number in able)


def _lines(of: LineChoices, row: StaffOrder, asked: Mapping[str, Any]) -> FieldPrefill:
    order = row.state
    part = next((int(asked[name]) for name in PART_FIELDS if str(asked.get(name, "")).isdecimal()), None)
    rows = []
    for line in order.lines:
        most = of.most(order, line, part)
        if most > 0:
            rows.append(
                Row(
                    key=line.line_id,
                    cells=(f"{line.name} ({line.sku})", f"{most:,}", *_worth(of, line, row.currency)),
                    initial={"quantity": most} if of.filled or of.now else {},
                    most={} if of.now else {"quantity": most},
                )
            )
    return FieldPrefill(columns=tuple(filter(None, ("Line", of.words, of.worth))), rows=tuple(rows), as_it_is=of.filled)


def _worth(of: LineChoices, line: Line, currency: str) -> tuple[str, ...]:
    return (format_amount(line.total - line.given_back, currency),) if of.worth else ()
