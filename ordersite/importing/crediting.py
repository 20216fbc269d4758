"""Turn a credit note into commands: in each order that it means, units are cancelled or returned and money refunded."""

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
from ordersite.importing.commands import (
    ACTOR,
    APPROVER,
    Figure,
    ImportCommand,
    Outcome,
    PendingLines,
    Quarantined,
    Source,
)
from ordersite.importing.invoices import Invoice, Line
from ordersite.importing.matching import ALLOWANCES, Credit, Match, Matcher, NoMatch
from ordersite.importing.sales import Purchase, Sale

CANCELLING_RULE = "the order that the credit note means was found by rule"
RETURNING_RULE = f"{CANCELLING_RULE}; asked for, approved and received when it was written"
REFUNDING_RULE = f"{CANCELLING_RULE}; asked for, approved and paid out when it was written"


@dataclass(slots=True)
class _Share:
    """The part of a credit note that concerns one order: units and money by order line, and the note's own lines."""

    sale: Sale
    units: dict[Purchase, int] = field(default_factory=dict)
    money: dict[Purchase, Decimal] = field(default_factory=dict)
    lines: list[PendingLines] = field(default_factory=list)

    def add(self, match: Match, line: PendingLines) -> None:
        """Add a match of one of the note's lines."""
        if match.outcome in (Outcome.CANCEL, Outcome.RETURN):
            self.units[match.purchase] = self.units.get(match.purchase, 0) + match.units
        if match.amount:
            self.money[match.purchase] = self.money.get(match.purchase, ZERO) + match.amount
        if line not in self.lines:
            self.lines.append(line)

    def commands(self, note: Invoice) -> Iterator[ImportCommand]:
        """Yield the commands to the order: goods first, then money."""
        source = Source(number=note.number, at=note.at, pending=self.lines)
        if self.units:
            yield from self._return_units(source) if self.sale.shipped else self._cancel_units(source)
        if self.money:
            yield from self._refund(source)

    def _cancel_units(self, source: Source) -> Iterator[ImportCommand]:
        sale, reason = self.sale, f"Cancelled by credit note {source.number}"
        sale.unsent -= sum(self.units.values())
        command: CancelOrder | CancelLines
        if not sale.unsent and not any(line.money for line in sale.lines if not line.is_goods):
            command = CancelOrder(order_id=sale.order_id, reason=reason)
            amount = sum((line.reduce() for line in sale.lines if not line.is_goods), self._reduce_lines())
        else:
            command, amount = (
                CancelLines(order_id=sale.order_id, lines=self._line_quantities, reason=reason),
                self._reduce_lines(),
            )
        yield source.command(sale, "cancel", command, synthetic=CANCELLING_RULE, figure=Figure.CANCELLED, amount=amount)

    def _return_units(self, source: Source) -> Iterator[ImportCommand]:
        sale, lines = self.sale, self._line_quantities
        sale.returns += 1
        number, guard = sale.returns, _only_own_return(sale.order_id, sale.returns, lines)
        request = RequestReturn(order_id=sale.order_id, lines=lines)
        approve = ApproveReturn(order_id=sale.order_id, return_id=number)
        receive = ReceiveReturn(order_id=sale.order_id, return_id=number, restocked=lines)
        yield source.command(sale, "return", request, synthetic=RETURNING_RULE)
        yield source.command(sale, "approve return", approve, synthetic=RETURNING_RULE, guard=guard)
        yield source.command(
            sale,
            "receive return",
            receive,
            synthetic=RETURNING_RULE,
            guard=guard,
            figure=Figure.RETURNED,
            amount=self._reduce_lines(),
        )

    def _refund(self, source: Source) -> Iterator[ImportCommand]:
        sale, amount = self.sale, sum(self.money.values(), ZERO)
        sale.refunds += 1
        number, guard = sale.refunds, only_own_refund(sale.order_id, sale.refunds)
        amounts = sorted(self.money.items(), key=lambda item: item[0].line_id)
        request = RequestRefund(
            order_id=sale.order_id,
            reason=f"Credit note {source.number}",
            lines=tuple(RefundWish(line_id=line.line_id, amount=money) for line, money in amounts),
            by=ACTOR,
        )
        approve = ApproveRefund(order_id=sale.order_id, refund_id=number, by=APPROVER)
        settle = SettleRefund(order_id=sale.order_id, refund_id=number, reference=source.number)
        allowance = sum((line.refund(money) for line, money in amounts), ZERO)
        yield source.command(
            sale, "refund", request, synthetic=REFUNDING_RULE, figure=Figure.ALLOWANCES, amount=allowance
        )
        yield source.command(sale, "approve refund", approve, synthetic=REFUNDING_RULE, actor=APPROVER, guard=guard)
        yield source.command(
            sale,
            "settle refund",
            settle,
            synthetic=REFUNDING_RULE,
            guard=guard,
            figure=Figure.REFUNDED,
            amount=amount,
        )

    @property
    def _line_quantities(self) -> tuple[LineQuantity, ...]:
        by_line = sorted(self.units.items(), key=lambda item: item[0].line_id)
        return tuple(LineQuantity(line_id=line.line_id, quantity=units) for line, units in by_line)

    def _reduce_lines(self) -> Decimal:
        return sum((line.reduce(units) for line, units in self.units.items()), ZERO)


def credit_commands(note: Invoice, matcher: Matcher) -> list[ImportCommand | Quarantined]:
    """Return the commands of a credit note, order by order, and its quarantined lines.

    A list, because one line may need commands to two orders. Lines of goods are matched before allowances, so that an
    allowance does not use up the money of the note's own goods.
    """
    results: list[ImportCommand | Quarantined] = []
    shares: dict[Sale, _Share] = {}
    likely_order = matcher.find_order([_credit(line) for line in note.lines])
    for line in sorted(note.lines, key=lambda line: line.code in ALLOWANCES):
        try:
            matches = matcher.match(_credit(line), likely_order)
        except NoMatch as no_match:
            results.append(Quarantined(line.raw, str(no_match)))
            continue
        pending = PendingLines((line.raw,), matches[0].outcome)
        for match in matches:
            sale = match.purchase.sale
            shares.setdefault(sale, _Share(sale)).add(match, pending)
    for share in shares.values():
        results.extend(share.commands(note))
    return results


def _credit(line: Line) -> Credit:
    return Credit(line.customer, line.code, -line.quantity, line.price)


def _only_own_return(order_id: UUID, return_id: int, lines: tuple[LineQuantity, ...]) -> Callable[[Order], None]:
    """Return a guard that refuses a return which the import did not request: its id is counted here, not read."""

    def guard(order: Order) -> None:
        found = order.returning(return_id)
        if found is None or found.lines != lines:
            raise ConcurrencyError(order_id)

    return guard


def only_own_refund(order_id: UUID, refund_id: int) -> Callable[[Order], None]:
    """Return a guard that refuses a refund which the import did not request."""

    def guard(order: Order) -> None:
        found = order.refund(refund_id)
        if found is None or found.requested_by != ACTOR:
            raise ConcurrencyError(order_id)

    return guard
