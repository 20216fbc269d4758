"""Events of editing an order before it is sent."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, upcaster
from orders.lines import Line, new_line
from orders.state import Order, StagedEdit
from orders.values import OrderLine


@event("order.edit_staged")
class EditStaged:
    """An edit was prepared; the order is unchanged. `difference` is the change of its price (below zero: cheaper)."""

    order_id: UUID
    lines: tuple[OrderLine, ...]
    difference: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        """Store the edit as staged."""
        return order.with_changes(staged=StagedEdit(lines=self.lines, difference=self.difference))


@event("order.edit_discarded", schema_version=2)
class EditDiscarded:
    """The prepared edit was dropped: by a person or, with a `reason`, because it could no longer be made."""

    order_id: UUID
    reason: str = ""

    def apply(self, order: Order) -> Order:
        """Remove the staged edit."""
        return order.with_changes(staged=None)


@upcaster("order.edit_discarded", from_version=1)
def _discarded_by_a_person(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 is from when only a person could drop an edit."""
    return stored | {"reason": ""}


@event("order.edit_committed")
class EditCommitted:
    """The order was edited.

    `lines` are the changed and new lines after the edit; a removed line has quantity 0. `due` and `due_back` are the
    amounts due and due back afterwards.
    """

    order_id: UUID
    lines: tuple[OrderLine, ...]
    difference: Decimal
    due: Decimal
    due_back: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        """Replace the changed lines, append the new ones, and remove the staged edit."""
        return order.with_changes(lines=edited(order.lines, self.lines), staged=None)


def edited(lines: Iterable[Line], changes: Iterable[OrderLine]) -> tuple[Line, ...]:
    """Return the lines with the changed ones replaced and the new ones appended."""
    changed = {line.line_id: new_line(line) for line in changes}
    existing = [changed.pop(line.line_id, line) for line in lines]
    return (*existing, *changed.values())


EditingEvent = EditStaged | EditDiscarded | EditCommitted
