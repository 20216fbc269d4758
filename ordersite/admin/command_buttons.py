"""Which commands an order's page offers, and where. Only commands that the order's rules accept now are offered."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.http import urlencode

from eventstore.dispatch import Context, rehearse
from eventstore.errors import CommandRefused
from orders import commands as c
from orders.actions import name_of, possible_commands
from orders.state import Order
from ordersite.admin.command_catalog import GROUPS, OFFERS, Offer
from projections.staff.order_page import PastOrder
from projections.staff.orders import StaffOrder

NEXT: tuple[tuple[type, Callable[[Order], bool]], ...] = (
    (c.ReleaseOrder, lambda order: True),
    (c.ShipOrder, lambda order: True),
    (c.ShipLines, lambda order: sum(line.open for line in order.goods) > 1),
    (c.CapturePayment, lambda order: bool(order.due)),
    (c.ReceiveReturn, lambda order: True),
    (c.RequestRefund, lambda order: order.due_back > order.refund_pending),
    (c.PayOrder, lambda order: order.due > order.capturable),
)
"""The commands that an order most likely waits for, most likely first, each with a condition.

They become the buttons at the head of the page. All other commands are in the menu beside them."""

IN_PLACE = (c.CommitEdit, c.DiscardEdit)
"""Shown beside the prepared change, not in the menu."""

AT_ONCE = (c.CommitEdit, c.DiscardEdit, c.ApproveReturn, c.ApproveRefund, c.ConfirmDelivery)
"""Sent by the button itself, because there is nothing to fill in."""


@dataclass(frozen=True, kw_only=True)
class Button:
    """The button of a command for one order, or for one part of it."""

    offer: Offer
    fields: dict[str, Any]
    variant: str = "default"

    @property
    def at_once(self) -> bool:
        """Whether the button sends the command without a form."""
        return self.offer.command in AT_ONCE

    @property
    def href(self) -> str:
        """Return the address of the command's form."""
        return f"{self.offer.url}?{urlencode(self.fields)}"

    @property
    def part(self) -> str | None:
        """Return the part of the order that the command is about, such as `payment/1`."""
        name = self.offer.part
        return f"{name.removesuffix('_id')}/{self.fields[name]}" if name else None


@dataclass(frozen=True, kw_only=True)
class Buttons:
    """The buttons of a page: at its head, in the menu by group, beside each part, and beside a prepared change.

    `refusal` says why a past version cannot be restored.
    """

    main: list[Button] = field(default_factory=list)
    menu: list[tuple[str, list[Button]]] = field(default_factory=list)
    parts: dict[str, list[Button]] = field(default_factory=dict)
    staged: list[Button] = field(default_factory=list)
    refusal: str = ""


def buttons(row: StaffOrder, past: PastOrder | None, *, by: str) -> Buttons:
    """Return the buttons of an order as it is now, for the actor `by`. A past version has one at most: restore."""
    if past:
        return _restoring(row, by) if past.restorable else Buttons()
    possible = list(_possible(row, by))
    main = list(_main(possible, row.state))
    elsewhere = {button.offer.command for button in main} | set(IN_PLACE)
    rest = [button for button in possible if button.offer.command not in elsewhere and not button.part]
    parts: dict[str, list[Button]] = {}
    for button in possible:
        if button.part:
            parts.setdefault(button.part, []).append(button)
    menu = ((group, [button for button in rest if button.offer.group == group]) for group in GROUPS)
    return Buttons(
        main=main,
        menu=[(group, in_group) for group, in_group in menu if in_group],
        parts=parts,
        staged=[
            replace(button, variant="primary" if button.offer.command is c.CommitEdit else "default")
            for button in possible
            if button.offer.command in IN_PLACE
        ],
    )


def _restoring(row: StaffOrder, by: str) -> Buttons:
    """Return the button that restores the version that `row` shows, or why the order would refuse it."""
    try:
        rehearse(c.RestoreOrder(order_id=row.pk, version=row.version, reason="example"), Context(actor=by))
    except CommandRefused as refusal:
        return Buttons(refusal=refusal.message)
    restore = Button(offer=OFFERS["restore"], fields={"order": row.pk, "version": row.version}, variant="primary")
    return Buttons(main=[restore])


def _possible(row: StaffOrder, by: str) -> Iterator[Button]:
    """Yield the buttons. One that sends its command at once is bound to the version that the page shows."""
    for example in possible_commands(row.state, by=by):
        offer = OFFERS.get(name_of(type(example)))
        if offer:
            part = {offer.part: getattr(example, offer.part)} if offer.part else {}
            seen = {"seen": row.version} if offer.command in AT_ONCE else {}
            yield Button(offer=offer, fields={"order": row.pk, **part, **seen})


def _main(possible: Iterable[Button], order: Order) -> Iterator[Button]:
    """Yield the buttons of NEXT; the first one stands out. A command about a part gets its first possible part."""
    first = {button.offer.command: button for button in reversed(list(possible))}
    variant = "primary"
    for command, is_likely in NEXT:
        if command in first and is_likely(order):
            yield replace(first[command], variant=variant)
            variant = "default"
