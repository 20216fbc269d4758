"""Tell the history of one order as commands, each of which the order's own rules accept.

The rules decide each command here first, on the state after those before it. So what would be refused is known before
anything is sent, and the order is imported whole or waits whole.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid5

from eventstore.decider import decider_of
from eventstore.errors import CommandRefused
from eventstore.limits import values
from orders.commands import (
    AddNote,
    ApproveRefund,
    AuthorisePayment,
    CancelOrder,
    CapturePayment,
    ConfirmDelivery,
    CreateOrder,
    HoldOrder,
    OrderCommand,
    PayOrder,
    RequestRefund,
    SettleRefund,
    ShipLines,
    ShipOrder,
    VoidPayment,
)
from orders.money import require_exact
from orders.state import Order
from orders.values import ZERO, LineQuantity
from ordersite.importing.commands import (
    ACTOR,
    APPROVER,
    NAMES,
    Figure,
    ImportCommand,
    Outcome,
    PendingLines,
    Source,
)
from ordersite.importing.crediting import only_own_refund
from ordersite.importing.layouts.fields import BadOrder
from ordersite.importing.sources.tables import RawLine


class OrderHistory:
    """The commands of one order. `number` is unique among the orders of all layouts; `rows` are what they come from.

    Each method adds commands with the time at which it happened; `guess` says what the file does not have. All methods
    raise BadOrder if the rules of orders refuse.
    """

    def __init__(self, number: str, rows: Sequence[RawLine]) -> None:
        self.number = number
        self.version = self._notes = 0
        self.state = Order()
        self.commands: list[ImportCommand] = []
        self._pending = (PendingLines(rows, Outcome.ORDER),)
        self._order_id = UUID(int=0)

    def place(
        self, command: CreateOrder, at: datetime, *, total: Decimal, tax: Decimal | None = None, guess: str = ""
    ) -> None:
        """Place the order. Raises BadOrder if it does not cost what the file says."""
        self._order_id = command.order_id
        self._send("create", command, at, guess=guess, figure=Figure.SOLD, amount_of=lambda: self.state.sold)
        for name, stated, found in (("total", total, self.state.sold), ("tax", tax, self.state.tax)):
            if stated is not None and stated != found:
                raise BadOrder(
                    f"the {name} is {stated} {command.currency} in the file and {found} {command.currency} from its"
                    f" rows: a difference of {abs(stated - found)}"
                )

    def pay(self, amount: Decimal, at: datetime, *, method: str, reference: str = "", guess: str = "") -> None:
        """Pay an amount: all that is due, or a part of it or more than it, as an authorised and captured payment."""
        if not amount:
            return
        if amount == self.state.due:
            whole = PayOrder(order_id=self._order_id, amount=amount, payment_method=method, payment_reference=reference)
            self._send(self._next("pay", self.state.payments), whole, at, guess=guess, figure=Figure.PAID)
            return
        number = self.authorise(amount, at, method=method, reference=reference, guess=guess)
        capture = CapturePayment(order_id=self._order_id, payment_id=number, by=ACTOR)
        self._send(f"capture {number}", capture, at, guess=guess, figure=Figure.PAID)

    def authorise(self, amount: Decimal, at: datetime, *, method: str, reference: str = "", guess: str = "") -> int:
        """Authorise a payment, and return its number."""
        command = AuthorisePayment(
            order_id=self._order_id, amount=amount, payment_method=method, payment_reference=reference
        )
        self._send(self._next("authorise", self.state.payments), command, at, guess=guess)
        return len(self.state.payments)

    def void(self, number: int, at: datetime, *, reason: str, guess: str = "") -> None:
        """Give up an authorised payment."""
        command = VoidPayment(order_id=self._order_id, payment_id=number, reason=reason)
        self._send(f"void {number}", command, at, guess=guess)

    def ship(self, at: datetime, *, line_ids: Sequence[int] | None = None, carrier: str = "", guess: str = "") -> None:
        """Ship all open goods, or all units of some lines; nothing if there are no goods."""
        wanted = [line for line in self.state.goods if line.open and (line_ids is None or line.line_id in line_ids)]
        if not wanted:
            return
        command: OrderCommand = ShipOrder(order_id=self._order_id, carrier=carrier)
        if line_ids is not None:
            units = tuple(LineQuantity(line_id=line.line_id, quantity=line.open) for line in wanted)
            command = ShipLines(order_id=self._order_id, lines=units, carrier=carrier)
        self._send(self._next("ship", self.state.shipments), command, at, guess=guess)

    def deliver(self, at: datetime, *, guess: str = "") -> None:
        """Record that all parcels arrived."""
        for each in self.state.shipments:
            command = ConfirmDelivery(order_id=self._order_id, shipment_id=each.shipment_id)
            self._send(f"deliver {each.shipment_id}", command, at, guess=guess)

    def hold(self, at: datetime, *, reason: str, guess: str = "") -> None:
        """Put the order on hold."""
        self._send("hold", HoldOrder(order_id=self._order_id, reason=reason), at, guess=guess)

    def note(self, text: str, at: datetime) -> None:
        """Add a note that only staff read."""
        self._notes += 1
        self._send(f"note {self._notes}", AddNote(order_id=self._order_id, text=text, visible=False), at, guess="")

    def cancel(self, at: datetime, *, reason: str, guess: str = "") -> None:
        """Cancel what is not shipped."""
        self._send(
            "cancel", CancelOrder(order_id=self._order_id, reason=reason), at, guess=guess, figure=Figure.CANCELLED
        )

    def refund(self, amount: Decimal, at: datetime, *, reason: str, guess: str = "") -> None:
        """Refund an amount: first what is owed, the rest as an allowance in proportion to the prices of the lines."""
        if not amount:
            return
        number = len(self.state.refunds) + 1
        guard = only_own_refund(self._order_id, number)
        request = RequestRefund(order_id=self._order_id, reason=reason, amount=amount, by=ACTOR)
        self._send(
            f"refund {number}",
            request,
            at,
            guess=guess,
            figure=Figure.ALLOWANCES,
            amount_of=lambda: sum((line.allowance for line in self.state.refunds[-1].lines), ZERO),
        )
        approve = ApproveRefund(order_id=self._order_id, refund_id=number, by=APPROVER)
        self._send(f"approve refund {number}", approve, at, guess=guess, actor=APPROVER, guard=guard)
        settle = SettleRefund(order_id=self._order_id, refund_id=number)
        self._send(f"settle refund {number}", settle, at, guess=guess, guard=guard, figure=Figure.REFUNDED)

    @staticmethod
    def _next(purpose: str, parts: Sequence[object]) -> str:
        return f"{purpose} {len(parts) + 1}"

    def _send(
        self,
        purpose: str,
        command: OrderCommand,
        at: datetime,
        *,
        guess: str,
        figure: Figure | None = None,
        amount_of: Callable[[], Decimal] | None = None,
        actor: str = ACTOR,
        guard: Callable[[Any], None] | None = None,
    ) -> None:
        before, decider = self.state, decider_of(command)
        try:
            values.require_accepted(command)
            events = decider.decide(command, before)
        except CommandRefused as refusal:
            raise BadOrder(refusal.message) from None
        for event in events:
            self.state = decider.evolve(self.state, event)
        amount = ZERO
        if figure:
            amount = amount_of() if amount_of else _sum(self.state, figure) - _sum(before, figure)
        source = Source(number=self.number, at=at, pending=self._pending)
        sent = source.command(
            self,
            purpose,
            command,
            synthetic=guess,
            actor=actor,
            guard=guard,
            figure=figure,
            amount=amount,
            currency=self.state.currency,
            owed_back=self.state.due_back - before.due_back,
        )
        self.version += len(events) - 1  # the source has counted one
        self.commands.append(sent)


def customer_id_of(layout: str, key: str) -> UUID | None:
    """Return the id of a shop's customer; None for a guest, who has no key."""
    return uuid5(NAMES, f"customer/{layout}/{key}") if key else None


def exact(amount: Decimal, currency: str, what: str) -> Decimal:
    """Return an amount with the currency's decimals. Raises BadOrder, which names `what` it is."""
    try:
        return require_exact(amount, currency)
    except CommandRefused as refusal:
        raise BadOrder(f"{what}: {refusal.message}") from None


def _sum(order: Order, figure: Figure) -> Decimal:
    amounts = {Figure.PAID: order.captured, Figure.CANCELLED: order.cancelled, Figure.REFUNDED: order.refunded}
    return amounts[figure]
