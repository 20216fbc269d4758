"""Initial values, choices and rows of a command's form, taken from the order that the form is for."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_args, get_origin, get_type_hints

from django.utils.http import urlencode

from eventstore.limits.numbers import MOST_VERSION, parse_whole
from orders import commands as c
from orders.actions import PART_FIELDS, possible_commands
from orders.lines import Line
from orders.state import Order, units_of
from orders.values import ReturnStatus
from ordersite.admin.forms.command_form import FieldPrefill
from ordersite.admin.forms.rows_field import Row, Shown
from projections.staff.order_sections import describe_part, format_amount
from projections.staff.orders import StaffOrder

ROWS_SHOWN = 300
"""The most lines of an order that a form shows at once: more would be a page of megabytes, and too many fields."""
ROWS_FROM = "rows_from"
"""The parameter with the number of a line: the form shows this line, and those around it."""

NEW_ORDER = {"lines": FieldPrefill(blank=8), "shipping": FieldPrefill(blank=1), "discounts": FieldPrefill(blank=2)}

INITIAL: dict[tuple[type, str], Callable[[StaffOrder, int | None], Any]] = {
    (c.PayOrder, "amount"): lambda row, part: row.due,
    (c.AuthorisePayment, "amount"): lambda row, part: max(row.due - row.state.capturable, 0) or None,
    (c.RecordPaymentFailure, "amount"): lambda row, part: row.due or None,
    (c.ChangeAddress, "shipping_address"): lambda row, part: row.shipping_address,
    (c.ChangeAddress, "country"): lambda row, part: row.country,
    (c.CorrectTracking, "tracking_code"): lambda row, part: _parcel_value(row, part, "tracking_code"),
    (c.CorrectTracking, "carrier"): lambda row, part: _parcel_value(row, part, "carrier"),
}
"""The initial values of fields, by command and field, from the order and the number of the part that is named."""


def _parcel_value(row: StaffOrder, part: int | None, name: str) -> str:
    parcel = row.state.shipment(part)
    return getattr(parcel, name) if parcel else ""


@dataclass(frozen=True, kw_only=True)
class LineChoices:
    """Which lines a field may name, and how many units of each.

    `most` returns the number of units, under the heading `heading`; a line with none is not offered. With `filled`, the
    rows start with that number and count unchanged. With `now`, they start with it and count only if they are changed.
    `worth` is the heading over the largest amount of a line; "" leaves the column out.
    """

    heading: str
    most: Callable[[Order, Line, int | None], int]
    filled: bool = False
    now: bool = False
    worth: str = ""


def _open(order: Order, line: Line, part: int | None) -> int:
    return line.open if line.is_goods or not order.anything_shipped else 0


def _outstanding(order: Order, line: Line, part: int | None) -> int:
    approved = (one for one in order.returns if one.status is ReturnStatus.APPROVED and part in (None, one.return_id))
    return sum(units_of(one.outstanding, line.line_id) for one in approved)


def _untouched(order: Order, line: Line, part: int | None) -> int:
    return line.quantity if line.is_untouched else 0


LINES = {
    (c.ShipLines, "lines"): LineChoices(
        heading="To be sent", most=lambda order, line, part: line.open if line.is_goods else 0, filled=True
    ),
    (c.CancelLines, "lines"): LineChoices(heading="Can be cancelled", most=_open),
    (c.RequestReturn, "lines"): LineChoices(
        heading="Can come back",
        most=lambda order, line, part: line.shipped - line.returned - order.in_return(line.line_id),
    ),
    (c.ReceiveReturn, "restocked"): LineChoices(heading="On its way", most=_outstanding, filled=True),
    (c.ReceiveReturn, "damaged"): LineChoices(heading="On its way", most=_outstanding),
    (c.RequestRefund, "lines"): LineChoices(
        heading="Not refunded",
        most=lambda order, line, part: line.quantity - line.refunded if line.given_back < line.total else 0,
        worth="At most",
    ),
    (c.StageEdit, "quantities"): LineChoices(heading="Now", most=_untouched, now=True),
    (c.EditOrder, "quantities"): LineChoices(heading="Now", most=_untouched, now=True),
}
"""The lines that a field may name. A field about lines that is not in this table may name any line."""

_ANY = LineChoices(heading="Ordered", most=lambda order, line, part: line.quantity)


def prefill_fields(
    command: type, row: StaffOrder, parameters: Mapping[str, Any], *, by: str
) -> dict[str, FieldPrefill]:
    """Return what the form of `command` shows for this order. `parameters` are those of the request of `by`."""
    prefill: dict[str, FieldPrefill] = {}
    hints = get_type_hints(command)
    for each in fields(command):
        initial = INITIAL.get((command, each.name))
        if each.name in PART_FIELDS:
            choices = _parts(command, each.name, row, parameters, by=by, optional=each.default is not MISSING)
            prefill[each.name] = FieldPrefill(choices=choices, initial=parameters.get(each.name))
        elif _is_about_lines(hints[each.name]):
            prefill[each.name] = _lines(LINES.get((command, each.name), _ANY), row, parameters)
        elif initial:
            prefill[each.name] = FieldPrefill(initial=_plain(initial(row, _part(parameters))))
    return prefill


def _part(parameters: Mapping[str, Any]) -> int | None:
    """Return the number of the part that the request names, or None."""
    for name in PART_FIELDS:
        with suppress(ValueError):
            return parse_whole(str(parameters.get(name, "")), most=MOST_VERSION)
    return None


def _is_about_lines(hint: Any) -> bool:
    return get_origin(hint) is tuple and any(each.name == "line_id" for each in fields(get_args(hint)[0]))


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) or value is None else f"{value.normalize():f}"


def _parts(
    command: type, name: str, row: StaffOrder, parameters: Mapping[str, Any], *, by: str, optional: bool
) -> tuple[tuple[int, str], ...]:
    """Return the parts that the command is possible for, and the one that the request names; all if it is optional.

    The named one stays, so that the rules say why it is not possible, and not the field.
    """
    order = row.state
    parts = {
        "payment_id": order.payments,
        "shipment_id": order.shipments,
        "refund_id": order.refunds,
        "return_id": order.returns,
    }
    possible = {getattr(each, name) for each in possible_commands(order, (command,), by=by)}
    named = str(parameters.get(name, ""))
    numbered = ((getattr(each, name), each) for each in parts[name])
    return tuple(
        (number, describe_part(each, row.currency))
        for number, each in numbered
        if optional or number in possible or str(number) == named
    )


def _lines(choices: LineChoices, row: StaffOrder, parameters: Mapping[str, Any]) -> FieldPrefill:
    order, part = row.state, _part(parameters)
    offered = []
    for line in order.lines:
        most = choices.most(order, line, part)
        is_removed = choices.now and not line.quantity and line.is_untouched  # an edit can put it back
        if most > 0 or is_removed:
            offered.append((line, most))
    shown = _shown([line.line_id for line, _ in offered], len(order.lines), parameters)
    rows = tuple(
        Row(
            key=line.line_id,
            cells=(f"{line.name} ({line.sku})", f"{most:,}", *_worth(choices, line, row.currency)),
            initial={"quantity": most} if choices.filled or choices.now else {},
            most={} if choices.now else {"quantity": most},
        )
        for line, most in offered
        if shown is None or shown.first <= line.line_id <= shown.last
    )
    columns = tuple(filter(None, ("Line", choices.heading, choices.worth)))
    return FieldPrefill(columns=columns, rows=rows, unchanged_counts=choices.filled, shown=shown)


def _shown(offered: Sequence[int], total: int, parameters: Mapping[str, Any]) -> Shown | None:
    """Return which of an order's lines the form shows, or None if it shows all of them.

    The parts are ranges of line numbers, which never change. So a form that was sent means the rows that it showed.
    """
    if total <= ROWS_SHOWN:
        return None
    starts = sorted({number - (number - 1) % ROWS_SHOWN for number in offered})
    try:
        first = parse_whole(str(parameters.get(ROWS_FROM, "")), least=1, most=total)
    except ValueError:
        first = starts[0] if starts else 1
    first -= (first - 1) % ROWS_SHOWN
    kept = {name: parameters[name] for name in ("order", *PART_FIELDS) if name in parameters}
    others = tuple(
        (f"{start:,} to {min(start + ROWS_SHOWN - 1, total):,}", f"?{urlencode({**kept, ROWS_FROM: start})}")
        for start in starts
        if start != first
    )
    return Shown(first=first, last=min(first + ROWS_SHOWN - 1, total), total=total, others=others)


def _worth(choices: LineChoices, line: Line, currency: str) -> tuple[str, ...]:
    return (format_amount(line.total - line.given_back, currency),) if choices.worth else ()
