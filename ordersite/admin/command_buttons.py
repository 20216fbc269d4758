"""Which commands an order's page offers, and where: what the rules of the order would take now."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.http import urlencode

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
"""What an order most likely waits for, the first first: the buttons at its head. The rest is in the menu beside."""

IN_PLACE = (c.CommitEdit, c.DiscardEdit)
"""Shown with what they are about, and not in the menu."""

AT_ONCE = (c.CommitEdit, c.DiscardEdit, c.ApproveReturn, c.ApproveRefund, c.ConfirmDelivery)
"""Sent by the button itself: there is nothing to be filled in."""


@dataclass(frozen=True, kw_only=True)
class Button:
    """An offer to one order, or for one part of it."""

    offer: Offer
    fields: dict[str, Any]
    variant: str = "default"

    @property
    def at_once(self) -> bool:
        return self.offer.command in AT_ONCE

    @property
    def href(self) -> str:
        return f"{self.offer.url}?{urlencode(self.fields)}"

    @property
    def part(self) -> str | None:
        """The part that it is about: `payment/1`."""
        name = self.offer.part
        return f"{name.removesuffix('_id')}/{self.fields[name]}" if name else None


@dataclass(frozen=True, kw_only=True)
class Buttons:
    """At the head of the page, in the menu by group, beside each part, and with a staged change."""

    main: list[Button] = field(default_factory=list)
    menu: list[tuple[str, list[Button]]] = field(default_factory=list)
    parts: dict[str, list[Button]] = field(default_factory=dict)
    staged: list[Button] = field(default_factory=list)


def buttons(row: StaffOrder, past: PastOrder | None) -> Buttons:
    """Of an order as it is now; of a past version, to restore it."""
    if past:
        restore = Button(offer=OFFERS["restore"], fields={"order": row.pk, "version": row.version}, variant="primary")
        return Buttons(main=[restore] if past.restorable else [])
    known = list(_possible(row))
    main = list(_main(known, row.state))
    shown = {each.offer.command for each in main} | set(IN_PLACE)
    rest = [each for each in known if each.offer.command not in shown and not each.part]
    parts: dict[str, list[Button]] = {}
    for each in known:
        if each.part:
            parts.setdefault(each.part, []).append(each)
    menu = ((group, [each for each in rest if each.offer.group == group]) for group in GROUPS)
    return Buttons(
        main=main,
        menu=[(group, those) for group, those in menu if those],
        parts=parts,
        staged=[_exactly(each, row) for each in known if each.offer.command in IN_PLACE],
    )


def _possible(row: StaffOrder) -> Iterator[Button]:
    for example in possible_commands(row.state):
        offer = OFFERS.get(name_of(type(example)))
        if offer:
            about = {offer.part: getattr(example, offer.part)} if offer.part else {}
            yield Button(offer=offer, fields={"order": row.pk, **about})


def _main(known: Iterable[Button], order: Order) -> Iterator[Button]:
    """The first of them stands out. Of a command about a part, the first part that waits for it."""
    first = {each.offer.command: each for each in reversed(list(known))}
    variant = "primary"
    for command, waits in NEXT:
        if command in first and waits(order):
            yield replace(first[command], variant=variant)
            variant = "default"


def _exactly(button: Button, row: StaffOrder) -> Button:
    """Of this version, and no other: somebody may have staged another change since."""
    variant = "primary" if button.offer.command is c.CommitEdit else "default"
    return replace(button, fields=button.fields | {"seen": row.version}, variant=variant)
