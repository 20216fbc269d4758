"""The form of a command for one order or for several, from what was typed to what came of it for each order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Any

from django.http import HttpRequest

from eventstore.dispatch import Answer
from orders.actions import refusal_of
from orders.http.approvals import send
from ordersite.admin.command_catalog import ASKED_FOR_EACH, Offer
from ordersite.admin.forms.command_form import CommandForm, form_for
from ordersite.admin.forms.conflicts import Change
from ordersite.admin.forms.form_views import (
    REFUSALS,
    actor_of,
    changes_behind,
    context_of,
    form_id_of,
    is_sent,
    reason_of,
    typed_data,
    version_of,
)
from ordersite.admin.forms.prefill import prefill_fields
from ordersite.admin.forms.tracking import shared_codes
from projections.staff.order_sections import format_money
from projections.staff.orders import StaffOrder


@dataclass(kw_only=True)
class Target:
    """An order that the form is for.

    `seen` is its version as the reader of the form saw it. `own` asks for what differs from order to order. `refusal`
    says why the order would refuse the command now, or did, and `changes` what happened since the form was opened. An
    order that would refuse it is `left_out` of a form for several orders.
    """

    order: StaffOrder
    seen: int
    own: CommandForm | None = None
    refusal: str = ""
    left_out: bool = False
    answer: Answer | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def total(self) -> str:
        """Return the total of the order with its currency."""
        return format_money(self.order.total, self.order.currency)


class OrderForm:
    """The form of a command for some orders, empty or with what was typed."""

    def __init__(self, request: HttpRequest, offer: Offer, orders: Sequence[StaffOrder]) -> None:
        self.request, self.offer = request, offer
        self.is_sent, self.typed = is_sent(request), typed_data(request)
        self.form_id = form_id_of(self.typed)
        several = len(orders) > 1
        asked = ASKED_FOR_EACH.get(offer.command, ()) if several else ()
        self.form = self._common_form(orders, asked)
        self.targets = [self._target(order, asked) for order in orders]
        if self.typed is None:
            self._find_refusals()

    def _common_form(self, orders: Sequence[StaffOrder], asked: tuple[str, ...]) -> CommandForm:
        """Return the form of what is the same for all orders. The query string may fill in a part or a version."""
        if len(orders) != 1:
            return form_for(self.offer.command, *self.offer.supplied, *asked)(self.typed)
        parameters = (self.request.GET if self.typed is None else self.typed).dict()
        prefill = prefill_fields(self.offer.command, orders[0], parameters, by=actor_of(self.request))
        form = form_for(self.offer.command, *self.offer.supplied, prefill=prefill)
        initial = {name: parameters[name] for name in form.base_fields if name in parameters}
        return form(self.typed, initial=initial if self.typed is None else None)

    def _target(self, order: StaffOrder, asked: tuple[str, ...]) -> Target:
        if self.typed is None:
            seen = order.version
        else:
            versions = dict(zip(self.typed.getlist("order"), self.typed.getlist("seen"), strict=False))
            seen = version_of(versions.get(str(order.pk), ""))
        return Target(order=order, seen=seen, own=self._own_form(order, asked))

    def _own_form(self, order: StaffOrder, asked: tuple[str, ...]) -> CommandForm | None:
        if not asked:
            return None
        others = [each.name for each in fields(self.offer.command) if each.name not in asked]
        form = form_for(self.offer.command, *others)(self.typed, prefix=f"order-{order.pk}")
        for name in asked:
            form.fields[name].widget.attrs["aria-label"] = f"{form[name].label}: {order}"
        return form

    def _find_refusals(self) -> None:
        """Ask the rules which orders would refuse the command from this person."""
        if not hasattr(self.offer.command, "examples"):  # it depends on what is typed, such as a version
            return
        for target in self.targets:
            refusal = refusal_of(self.offer.command, target.order.state, by=actor_of(self.request))
            target.refusal = reason_of(refusal) if refusal else ""
            target.left_out = bool(refusal) and len(self.targets) > 1

    @property
    def open(self) -> list[Target]:
        """The orders that the form is, or may still be, sent to."""
        return [each for each in self.targets if each.answer is None and not each.left_out]

    @cached_property
    def _is_filled_in(self) -> bool:
        own = [each.own for each in self.targets if each.own]
        return self.typed is not None and all([form.is_valid() for form in (self.form, *own)])  # noqa: C419 - each shows its errors

    def is_valid(self) -> bool:
        """Check what was typed. A tracking code that another parcel has is to be confirmed."""
        return self._is_filled_in and self.is_confirmed

    def fields_of(self, target: Target) -> dict[str, Any]:
        """Return the fields of the command for one order. The form must be filled in."""
        return self.form.cleaned_data | (target.own.cleaned_data if target.own else {})

    @cached_property
    def warnings(self) -> list[str]:
        """What the person should know before this is sent."""
        return shared_codes([(each.order, self.fields_of(each)) for each in self.targets]) if self._is_filled_in else []

    @property
    def confirmation(self) -> str:
        """A name of these warnings: to confirm some does not confirm others."""
        return sha256("\n".join(self.warnings).encode()).hexdigest()[:16]

    @property
    def is_confirmed(self) -> bool:
        """Whether there is nothing to confirm, or the person has confirmed just that."""
        confirmed = self.typed.get("confirmed") if self.typed else None
        return not self.warnings or confirmed == self.confirmation

    def send(self) -> None:
        """Send the command to each order, and store what came of it."""
        for target in self.targets:
            outcome = self._send_to(target)
            if isinstance(outcome, Answer):
                target.answer = outcome
                continue
            target.refusal, target.changes = reason_of(outcome), changes_behind(outcome)
            if target.changes:
                target.seen = target.changes[-1].version

    def _send_to(self, target: Target) -> Answer | Exception:
        values = self.fields_of(target)
        content = f"{self.offer.name} {target.order.pk} {sorted(values.items())}"
        context = context_of(self.request, content, target.seen)
        by = {"by": context.actor} if "by" in self.offer.supplied else {}
        try:
            return send(self.offer.command(order_id=target.order.pk, **by, **values), context)
        except REFUSALS as refusal:
            return refusal
