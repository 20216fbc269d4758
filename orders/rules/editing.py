"""Editing before shipping: staged, looked at, and then committed. Only lines that nothing was done with yet."""

from uuid import UUID

from eventstore.errors import CommandRefused
from orders.commands import CommitEdit, DiscardEdit, EditOrder, StageEdit
from orders.events import EditCommitted, EditDiscarded, EditStaged
from orders.events.placing import edited
from orders.lines import Line
from orders.money import rounded
from orders.rules.common import found, require_placed
from orders.rules.pricing import line_amount, priced, require_quantity, require_total, with_quantity
from orders.state import Order, StagedEdit
from orders.values import ZERO, OrderLine


def stage(command: StageEdit, order: Order) -> EditStaged:
    """Replaces what was staged before."""
    require_placed(command.order_id, order)
    staged = _edit(command, order)
    return EditStaged(
        order_id=command.order_id, lines=staged.lines, difference=staged.difference, currency=order.currency
    )


def commit(command: CommitEdit, order: Order) -> EditCommitted:
    require_placed(command.order_id, order)
    return _committed(command.order_id, _staged(order), order)


def edit(command: EditOrder, order: Order) -> EditCommitted:
    """Staged and committed in one; whatever else was staged is forgotten."""
    require_placed(command.order_id, order)
    return _committed(command.order_id, _edit(command, order), order)


def _edit(command: StageEdit | EditOrder, order: Order) -> StagedEdit:
    _require_editable(order)
    lines = (*_changed(command, order), *_added(command, order))
    if not lines:
        raise CommandRefused("nothing_changes", "name at least one line that changes or comes in addition")
    total = sum((line.charged for line in edited(order.lines, lines)), rounded(ZERO, order.currency))
    require_total(total)
    if not any(line.quantity for line in lines) and all(not line.quantity for line in edited(order.lines, lines)):
        raise CommandRefused("no_lines", "an order must have at least one line: cancel it instead")
    return StagedEdit(lines=lines, difference=rounded(total - order.charged, order.currency))


def _committed(order_id: UUID, staged: StagedEdit, order: Order) -> EditCommitted:
    """Staged a while ago, perhaps: what it changes may have been sent since."""
    _require_editable(order)
    known = (order.line(each.line_id) for each in staged.lines)
    for line in filter(None, known):
        _require_untouched(line)
    after = order.having(lines=edited(order.lines, staged.lines))
    difference = rounded(after.charged - order.charged, order.currency)
    return EditCommitted(
        order_id=order_id,
        lines=staged.lines,
        difference=difference,
        due=rounded(after.due, order.currency),
        due_back=rounded(after.due_back, order.currency),
        currency=order.currency,
    )


def discard(command: DiscardEdit, order: Order) -> EditDiscarded:
    require_placed(command.order_id, order)
    _staged(order)
    return EditDiscarded(order_id=command.order_id)


def _changed(command: StageEdit | EditOrder, order: Order) -> list[OrderLine]:
    changed: list[OrderLine] = []
    for each in command.quantities:
        line = found(order.line(each.line_id), "line", each.line_id)
        if any(other.line_id == each.line_id for other in changed):
            raise CommandRefused("line_named_twice", "line {number} is named twice", number=each.line_id)
        if each.quantity < 0:
            raise CommandRefused(
                "quantity_negative",
                "line {number}: {quantity} is less than none",
                number=each.line_id,
                quantity=each.quantity,
            )
        require_quantity(line.line_id, line.sku, each.quantity)
        _require_untouched(line)
        if each.quantity != line.quantity:
            changed.append(
                with_quantity(
                    line,
                    each.quantity,
                    currency=order.currency,
                    prices_include_tax=order.prices_include_tax,
                )
            )
    return changed


def _added(command: StageEdit | EditOrder, order: Order) -> list[OrderLine]:
    currency, first = order.currency, len(order.lines) + 1
    amounts = [line_amount(number, line, currency) for number, line in enumerate(command.added, start=first)]
    return [
        priced(number, line, amount, ZERO, currency=currency, prices_include_tax=order.prices_include_tax)
        for number, (line, amount) in enumerate(zip(command.added, amounts, strict=True), start=first)
    ]


def _require_editable(order: Order) -> None:
    if order.is_cancelled or (order.shipments and not any(line.open for line in order.goods)):
        raise CommandRefused("not_editable", "nothing of this order is still to be sent, so it is not edited any more")


def _require_untouched(line: Line) -> None:
    if not line.is_untouched:
        raise CommandRefused(
            "line_not_editable",
            "line {number} ({sku}) was sent, cancelled or refunded, in part at least: it is not edited any more",
            number=line.line_id,
            sku=line.sku,
        )


def _staged(order: Order) -> StagedEdit:
    if order.staged is None:
        raise CommandRefused("nothing_staged", "no change of this order is staged")
    return order.staged
