"""The commands as the admin offers them.

A command that has no row in ROWS is offered all the same: under its wire name, and among the others.
"""

import inspect
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from typing import Any, get_args

from django.urls import reverse

from orders import commands as c
from orders.actions import PART_FIELDS, name_of

MONEY, PARCELS, CHANGES, BACK, OTHER = "Money", "Parcels", "Changes", "Back from the customer", "Other"
GROUPS = (PARCELS, MONEY, BACK, CHANGES, OTHER)

# fmt: off
ROWS: dict[type, tuple[str, str, str]] = {  # title, icon, group
    c.CreateOrder: ("Place an order", "add_shopping_cart", OTHER),
    c.ShipOrder: ("Ship", "local_shipping", PARCELS),
    c.ShipLines: ("Ship a part", "package_2", PARCELS),
    c.ConfirmDelivery: ("Delivered", "where_to_vote", PARCELS),
    c.PayOrder: ("Record a payment", "payments", MONEY),
    c.PayFromAccount: ("Pay from account", "account_balance_wallet", MONEY),
    c.AuthorisePayment: ("Record a promise to pay", "credit_score", MONEY),
    c.CapturePayment: ("Capture", "download_done", MONEY),
    c.VoidPayment: ("Void", "money_off", MONEY),
    c.RecordPaymentFailure: ("Record a failed payment", "credit_card_off", MONEY),
    c.WriteOff: ("Write off", "heart_broken", MONEY),
    c.RequestRefund: ("Refund", "currency_exchange", BACK),
    c.ApproveRefund: ("Approve", "check", BACK),
    c.DeclineRefund: ("Decline", "close", BACK),
    c.SettleRefund: ("Given back", "done_all", BACK),
    c.FailRefund: ("Failed", "error", BACK),
    c.RetryRefund: ("Try again", "replay", BACK),
    c.RequestReturn: ("Record a return", "assignment_return", BACK),
    c.ApproveReturn: ("Approve", "check", BACK),
    c.DeclineReturn: ("Decline", "close", BACK),
    c.ReceiveReturn: ("Receive goods", "inventory", BACK),
    c.StageEdit: ("Prepare a change", "edit_note", CHANGES),
    c.EditOrder: ("Change at once", "edit", CHANGES),
    c.CommitEdit: ("Make the change", "check", CHANGES),
    c.DiscardEdit: ("Discard", "delete", CHANGES),
    c.ChangeAddress: ("Change the address", "home_pin", CHANGES),
    c.CancelLines: ("Cancel a part", "remove_shopping_cart", CHANGES),
    c.CancelOrder: ("Cancel order", "block", CHANGES),
    c.HoldOrder: ("Put on hold", "front_hand", CHANGES),
    c.ReleaseOrder: ("Release", "play_circle", CHANGES),
    c.AddNote: ("Add a note", "sticky_note_2", OTHER),
    c.RestoreOrder: ("Restore this version", "history", OTHER),
}
# fmt: on

NOT_OFFERED = (c.ExpireOrder,)
"""Commands of processes: nobody sends them by hand."""

BULK = (c.ShipOrder, c.CancelOrder, c.HoldOrder, c.ReleaseOrder, c.WriteOff, c.AddNote)
"""The commands that the list offers for many orders at once: none of them names a line or a part of one."""

SUPPLIED = ("order_id", "by", "currency")
"""What the form of a command to an order does not ask: it is known."""


@dataclass(frozen=True)
class Offer:
    """A command as the admin offers it."""

    command: type

    @cached_property
    def name(self) -> str:
        return name_of(self.command)

    @property
    def title(self) -> str:
        return self._row[0]

    @property
    def icon(self) -> str:
        return self._row[1]

    @property
    def group(self) -> str:
        return self._row[2]

    @cached_property
    def _row(self) -> tuple[str, str, str]:
        return ROWS.get(self.command) or (self.name.replace("_", " ").capitalize(), "play_arrow", OTHER)

    @property
    def says(self) -> str:
        """What the command does, in the words of its declaration."""
        words = inspect.getdoc(self.command) or ""
        return "" if words.startswith(f"{self.command.__name__}(") else words  # dataclasses make one up

    @property
    def supplied(self) -> tuple[str, ...]:
        """The fields that no form asks. A new order's currency is asked, for nothing else knows it."""
        known = {each.name: each for each in fields(self.command)}
        return tuple(name for name in SUPPLIED if name in known and self._is_known(known[name]))

    def _is_known(self, named: Any) -> bool:
        return named.name != "currency" or named.default is not MISSING

    @property
    def part(self) -> str | None:
        """The field that says which part of the order it is about, where it has to be about one."""
        return next(
            (each.name for each in fields(self.command) if each.name in PART_FIELDS and each.default is MISSING), None
        )

    @property
    def url(self) -> str:
        return reverse("admin:order-command", args=[self.name])


OFFERS = {
    offer.name: offer
    for offer in map(Offer, (*get_args(c.OrderCommand), c.RestoreOrder))
    if offer.command not in NOT_OFFERED
}
