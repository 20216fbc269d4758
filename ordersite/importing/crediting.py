"""A credit note to commands: what it takes back of each order is cancelled or returned, and its money given back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from eventstore.errors import ConcurrencyError
from orders.commands import (
    ApproveRefund,
    ApproveReturn,
    CancelLines,
    CancelOrder,
    ReceiveReturn,
    RefundWish,
    RequestRefund,
    RequestReturn,
    SettleRefund,
)
from orders.state import Order
from orders.values import ZERO, LineQuantity
from ordersite.importing.commands import ACTOR, APPROVER, Awaiting, Figure, Quarantined, Source, Step, Way
from ordersite.importing.invoices import Invoice, Line
from ordersite.importing.matching import ALLOWANCES, Credit, Match, Matcher, NoMatch
from ordersite.importing.sales import Purchase, Sale

CANCELLING_RULE = "the order that the credit note means was found by rule"
RETURNING_RULE = f"{CANCELLING_RULE}; asked for, approved and received when it was written"
REFUNDING_RULE = f"{CANCELLING_RULE}; asked for, approved and paid out when it was written"


@dataclass(slots=True)
class _Share:
    """What a credit note takes back of one order: units by line, money by line, and the note's lines that say so."""

    sale: Sale
    units: dict[Purchase, int] = field(default_factory=dict)
    money: dict[Purchase, Decimal] = field(default_factory=dict)
    lines: list[Awaiting] = field(default_factory=list)

    def take(self, match: Match, line: Awaiting) -> None:
        if match.way in (Way.CANCEL, Way.RETURN):
            self.units[match.purchase] = self.units.get(match.purchase, 0) + match.units
        if match.amount:
            self.money[match.purchase] = self.money.get(match.purchase, ZERO) + match.amount
        if line not in self.lines:
            self.lines.append(line)

    def steps(self, note: Invoice) -> Iterator[Step]:
        source = Source(number=note.number, at=note.at, awaiting=self.lines)
        if self.units:
            yield from self._returned(source) if self.sale.shipped else self._cancelled(source)
        if self.money:
            yield from self._refunded(source)

    def _cancelled(self, source: Source) -> Iterator[Step]:
        sale, reason = self.sale, f"Cancelled by credit note {source.number}"
        sale.unsent -= sum(self.units.values())
        command: CancelOrder | CancelLines
        if not sale.unsent and not any(line.money for line in sale.lines if not line.is_goods):
            command = CancelOrder(order_id=sale.order_id, reason=reason)
            amount = sum((line.taken_off() for line in sale.lines if not line.is_goods), self._taken_off())
        else:
            command, amount = CancelLines(order_id=sale.order_id, lines=self._named, reason=reason), self._taken_off()
        yield source.step(sale, "cancel", command, synthetic=CANCELLING_RULE, figure=Figure.CANCELLED, amount=amount)

    def _returned(self, source: Source) -> Iterator[Step]:
        sale, lines = self.sale, self._named
        sale.returns += 1
        number, ours = sale.returns, _return_is_ours(sale.order_id, sale.returns, lines)
        request = RequestReturn(order_id=sale.order_id, lines=lines)
        approve = ApproveReturn(order_id=sale.order_id, return_id=number)
        receive = ReceiveReturn(order_id=sale.order_id, return_id=number, restocked=lines)
        yield source.step(sale, "return", request, synthetic=RETURNING_RULE)
        yield source.step(sale, "approve return", approve, synthetic=RETURNING_RULE, guard=ours)
        yield source.step(
            sale,
            "receive return",
            receive,
            synthetic=RETURNING_RULE,
            guard=ours,
            figure=Figure.RETURNED,
            amount=self._taken_off(),
        )

    def _refunded(self, source: Source) -> Iterator[Step]:
        sale, amount = self.sale, sum(self.money.values(), ZERO)
        sale.refunds += 1
        number, ours = sale.refunds, _refund_is_ours(sale.order_id, sale.refunds)
        wishes = sorted(self.money.items(), key=lambda each: each[0].line_id)
        request = RequestRefund(
            order_id=sale.order_id,
            reason=f"Credit note {source.number}",
            lines=tuple(RefundWish(line_id=line.line_id, amount=money) for line, money in wishes),
            by=ACTOR,
        )
        approve = ApproveRefund(order_id=sale.order_id, refund_id=number, by=APPROVER)
        settle = SettleRefund(order_id=sale.order_id, refund_id=number, reference=source.number)
        allowance = sum((line.refunded(money) for line, money in wishes), ZERO)
        yield source.step(sale, "refund", request, synthetic=REFUNDING_RULE, figure=Figure.ALLOWANCES, amount=allowance)
        yield source.step(sale, "approve refund", approve, synthetic=REFUNDING_RULE, actor=APPROVER, guard=ours)
        yield source.step(
            sale,
            "settle refund",
            settle,
            synthetic=REFUNDING_RULE,
            guard=ours,
            figure=Figure.REFUNDED,
            amount=amount,
        )

    @property
    def _named(self) -> tuple[LineQuantity, ...]:
        named = sorted(self.units.items(), key=lambda each: each[0].line_id)
        return tuple(LineQuantity(line_id=line.line_id, quantity=units) for line, units in named)

    def _taken_off(self) -> Decimal:
        return sum((line.taken_off(units) for line, units in self.units.items()), ZERO)


def credited(note: Invoice, matcher: Matcher) -> list[Step | Quarantined]:
    """Everything that a credit note brings about, order by order. All of it at once: a line may wait for two orders.

    Goods go first: what else is given back must not take the money that its own goods are worth.
    """
    done: list[Step | Quarantined] = []
    shares: dict[Sale, _Share] = {}
    own = [line for line in note.lines if not _why_not(line, note)]
    meant = matcher.meant([_credit(line) for line in own])
    for line in sorted(note.lines, key=lambda line: line.code in ALLOWANCES):
        if reason := _why_not(line, note):
            done.append(Quarantined(line, reason))
            continue
        try:
            matches = matcher.match(_credit(line), meant)
        except NoMatch as no_match:
            done.append(Quarantined(line, str(no_match)))
            continue
        awaiting = Awaiting((line,), matches[0].way)
        for match in matches:
            sale = match.purchase.sale
            shares.setdefault(sale, _Share(sale)).take(match, awaiting)
    for share in shares.values():
        done.extend(share.steps(note))
    return done


def _credit(line: Line) -> Credit:
    return Credit(line.customer, line.code, -line.quantity, line.price)


def _why_not(line: Line, note: Invoice) -> str:
    if line.quantity >= 0:
        return "cancellation of nothing (its quantity is not negative)"
    return "another customer than the invoice's first line" if line.customer != note.customer else ""


def _return_is_ours(order_id: UUID, return_id: int, lines: tuple[LineQuantity, ...]) -> Callable[[Order], None]:
    """Lets an import decide on the return that it asked for alone: its number is foretold, not read."""

    def guard(order: Order) -> None:
        known = order.returning(return_id)
        if known is None or known.lines != lines:
            raise ConcurrencyError(order_id)

    return guard


def _refund_is_ours(order_id: UUID, refund_id: int) -> Callable[[Order], None]:
    """The same for a refund."""

    def guard(order: Order) -> None:
        known = order.refund(refund_id)
        if known is None or known.requested_by != ACTOR:
            raise ConcurrencyError(order_id)

    return guard
