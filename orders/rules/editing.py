"""The rules of editing. An edit is staged and then committed, or done at once. Only untouched lines can be edited."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import assert_never
from uuid import UUID

from eventstore.errors import CommandRefused
from orders.commands.editing import CommitEdit, DiscardEdit, EditingCommand, EditOrder, StageEdit
from orders.events import EditCommitted, EditDiscarded, EditStaged, OrderEvent, evolve
from orders.events.editing import edited
from orders.lines import Line
from orders.money import rounded
from orders.policy import Policy
from orders.rules.common import require_part, require_placed
from orders.rules.pricing import edited_lines, require_quantity, require_total
from orders.state import Order, StagedEdit
from orders.values import MOST_LINES, ZERO


def decide(command: EditingCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case EditOrder():
            return edit(command, order)
        case StageEdit():
            return stage(command, order)
        case CommitEdit():
            return commit(command, order)
        case DiscardEdit():
            return discard(command, order)
        case _:
            assert_never(command)


def stage(command: StageEdit, order: Order) -> EditStaged:
    """Prepare an edit, in place of any edit prepared before. Raises CommandRefused."""
    require_placed(command.order_id, order)
    staged = _edit(command, order)
    return EditStaged(
        order_id=command.order_id,
        lines=staged.lines,
        discounts=staged.discounts,
        difference=staged.difference,
        currency=order.currency,
    )


def commit(command: CommitEdit, order: Order) -> EditCommitted:
    """Make the prepared edit. Raises CommandRefused."""
    require_placed(command.order_id, order)
    return _committed(command.order_id, _staged(order), order)


def edit(command: EditOrder, order: Order) -> EditCommitted:
    """Edit the order at once. A prepared edit is dropped. Raises CommandRefused."""
    require_placed(command.order_id, order)
    return _committed(command.order_id, _edit(command, order), order)


def _edit(command: StageEdit | EditOrder, order: Order) -> StagedEdit:
    _require_editable(order)
    quantities = _changed(command, order)
    if not quantities and not command.added:
        raise CommandRefused("nothing_changes", "name at least one line to change or to add")
    _require_few_lines(command, order)
    lines, discounts = edited_lines(order, quantities, command.added)
    total = sum((line.charged for line in edited(order, lines)), rounded(ZERO, order.currency))
    require_total(total)
    if not any(line.quantity for line in lines) and all(not line.quantity for line in edited(order, lines)):
        raise CommandRefused("no_lines", "an order must keep at least one line: cancel it instead")
    return StagedEdit(lines=lines, discounts=discounts, difference=rounded(total - order.charged, order.currency))


def _require_few_lines(command: StageEdit | EditOrder, order: Order) -> None:
    """Raise CommandRefused if the edit adds a line that the order has no place for. Lines that were removed count."""
    if command.added and len(order.lines) + len(command.added) > MOST_LINES:
        raise CommandRefused(
            "too_many_lines",
            "the order would have {number} lines, and {most} is the most, with those of shipping and those removed:"
            " place another order for the rest",
            number=f"{len(order.lines) + len(command.added):,}",
            most=f"{MOST_LINES:,}",
        )


def _committed(order_id: UUID, staged: StagedEdit, order: Order) -> EditCommitted:
    """Make the edit."""
    _require_staged_possible(staged, order)
    after = order.with_changes(lines=edited(order, staged.lines))
    difference = rounded(after.charged - order.charged, order.currency)
    return EditCommitted(
        order_id=order_id,
        lines=staged.lines,
        discounts=staged.discounts,
        difference=difference,
        due=rounded(after.due, order.currency),
        due_back=rounded(after.due_back, order.currency),
        currency=order.currency,
    )


def discard(command: DiscardEdit, order: Order) -> EditDiscarded:
    """Drop the prepared edit. Raises CommandRefused if there is none."""
    require_placed(command.order_id, order)
    _staged(order)
    return EditDiscarded(order_id=command.order_id)


def settle_prepared_edit(order: Order, events: Sequence[OrderEvent]) -> Sequence[OrderEvent]:
    """Return the events without leaving behind a prepared edit that they make impossible.

    An edit that a cancellation or a refund makes impossible is withdrawn first. Goods do not leave under an edit that
    could still be made. Raises CommandRefused.
    """
    if order.staged is None or not events:
        return events
    after = reduce(evolve, events, order)
    obstacle = _obstacle(after)
    if obstacle is None:
        return events
    if len(after.shipments) > len(order.shipments) and _obstacle(order) is None:
        raise CommandRefused(
            "change_prepared", "a change of these goods is prepared: make it or discard it before they ship"
        )
    order_id = events[0].order_id
    return [EditDiscarded(order_id=order_id, reason=obstacle.message), *events]


def is_edit_possible(order: Order) -> bool:
    """Return whether an edit is prepared that could be made now."""
    return order.staged is not None and _obstacle(order) is None


def _obstacle(order: Order) -> CommandRefused | None:
    """Return why the prepared edit cannot be made, or None if it can or if there is none."""
    try:
        if order.staged is not None:
            _require_staged_possible(order.staged, order)
    except CommandRefused as refusal:
        return refusal
    return None


def _require_staged_possible(staged: StagedEdit, order: Order) -> None:
    """Check a staged edit. It may be old: some of its lines may have been shipped since."""
    _require_editable(order)
    for line in filter(None, (order.line(each.line_id) for each in staged.lines)):
        _require_untouched(line)


def _changed(command: StageEdit | EditOrder, order: Order) -> Mapping[int, int]:
    """Return the new quantities that differ, by line. Raises CommandRefused."""
    named: dict[int, int] = {}
    for each in command.quantities:
        line = require_part(order.line(each.line_id), "line", each.line_id)
        if each.line_id in named:
            raise CommandRefused("line_named_twice", "line {number} is named twice", number=each.line_id)
        if each.quantity < 0:
            raise CommandRefused(
                "quantity_negative",
                "line {number}: the quantity {quantity} must not be negative",
                number=each.line_id,
                quantity=each.quantity,
            )
        require_quantity(line.line_id, line.sku, each.quantity)
        _require_untouched(line)
        named[each.line_id] = each.quantity
    now = {line.line_id: line.quantity for line in order.lines}
    return {number: quantity for number, quantity in named.items() if quantity != now[number]}


def _require_editable(order: Order) -> None:
    if order.is_cancelled or (order.shipments and not any(line.open for line in order.goods)):
        raise CommandRefused("not_editable", "this order can no longer be edited: nothing is left to ship")


def _require_untouched(line: Line) -> None:
    if not line.is_untouched:
        raise CommandRefused(
            "line_not_editable",
            "line {number} ({sku}) can no longer be edited: some of it was shipped, cancelled or refunded",
            number=line.line_id,
            sku=line.sku,
        )


def _staged(order: Order) -> StagedEdit:
    if order.staged is None:
        raise CommandRefused("nothing_staged", "no change of this order is prepared")
    return order.staged
