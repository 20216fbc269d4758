"""Events of editing an order before it is sent."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, public, same_shape, upcaster
from orders.discounts import with_amounts, with_fixed_discounts
from orders.immutable import changed
from orders.lines import Line, new_line
from orders.state import Order, StagedEdit
from orders.values import ZERO, Discount, OrderLine


@event("order.edit_staged", schema_version=3, subject=OF_AGGREGATE)
class EditStaged:
    """An edit was prepared; the order is unchanged. `difference` is the change of its price (below zero: cheaper).

    `lines` and `discounts` mean the same as in `EditCommitted`.
    """

    order_id: UUID
    lines: tuple[OrderLine, ...]
    discounts: tuple[Discount, ...] | None
    difference: Decimal
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Store the edit as staged."""
        discounts = order.discounts if self.discounts is None else self.discounts
        staged = StagedEdit(lines=self.lines, discounts=discounts, difference=self.difference)
        return order.with_changes(staged=staged)


@event("order.edit_discarded", schema_version=3, subject=OF_AGGREGATE)
class EditDiscarded:
    """The prepared edit was dropped: by a person or, with a `reason`, because it could no longer be made."""

    order_id: UUID
    reason: str = personal(for_programs=True, default="")

    def apply(self, order: Order) -> Order:
        """Remove the staged edit."""
        return order.with_changes(staged=None)


@upcaster("order.edit_discarded", from_version=1)
def _discarded_by_a_person(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 is from when only a person could drop an edit."""
    return stored | {"reason": ""}


@event("order.edit_committed", schema_version=3, subject=OF_AGGREGATE)
class EditCommitted:
    """The order was edited.

    `lines` are the changed and new lines after the edit; a removed line has quantity 0. Lines whose share of
    `discounts` changed are among them. `discounts` are those on the whole order, each with what it takes off now; None
    in events of version 1, which changed the shares in proportion to the lines. `due` and `due_back` are the amounts
    due and due back afterwards.
    """

    order_id: UUID
    lines: tuple[OrderLine, ...]
    discounts: tuple[Discount, ...] | None
    difference: Decimal
    due: Decimal
    due_back: Decimal
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Replace the changed lines, append the new ones, and remove the staged edit."""
        lines, discounts = edited(order, self.lines), self.discounts
        if discounts is None:
            off = sum((line.discount_share for line in lines), ZERO)
            discounts = with_amounts(order.discounts, [each.terms.amount for each in order.discounts], off)
        return order.with_changes(lines=lines, discounts=discounts, staged=None)


def edited(order: Order, changes: Iterable[OrderLine]) -> tuple[Line, ...]:
    """Return the lines with the changed ones replaced and the new ones appended.

    A line that cannot be edited now keeps its share of the order's discounts for ever, even if it can be edited again
    after a refund was declined.
    """
    after = {line.line_id: new_line(line) for line in changes}
    existing = [after.pop(line.line_id) if line.line_id in after else _held(line, order) for line in order.lines]
    return (*existing, *after.values())


def _held(line: Line, order: Order) -> Line:
    if line.is_untouched or not order.discounts or line.held_share is not None:
        return line
    return changed(line, held_share=line.discount_share)


@upcaster("order.edit_staged", from_version=1)
@upcaster("order.edit_committed", from_version=1)
def _edited_with_discounts_in_proportion(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 changed discounts in proportion to the line. What it made of them is fixed from then on."""
    return stored | {"lines": [with_fixed_discounts(line) for line in stored["lines"]], "discounts": None}


same_shape("order.edit_staged", from_version=2)
same_shape("order.edit_discarded", from_version=2)
same_shape("order.edit_committed", from_version=2)

EditingEvent = EditStaged | EditDiscarded | EditCommitted
