"""What became of a file: every line of it, every command, and what they come to."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from eventstore.dispatch import Answer, Refusal
from eventstore.errors import CommandRefused, ConcurrencyError
from orders.commands import CancelOrder, CreateOrder, ReceiveReturn, SettleRefund
from orders.values import ZERO
from ordersite.importing.commands import Awaiting, Figure, Step, Way
from ordersite.importing.reading import RawLine
from ordersite.importing.sales import CURRENCY


@dataclass
class Report:
    """What became of every line: by the way it was taken, or by the reason why it was not. Both add up to `lines`.

    A customer's cancellation line is a line of a credit note that names a customer. The sums are what the commands
    come to that were done, now or before.
    """

    lines: int = 0
    ways: Counter[Way] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    not_matched: Counter[str] = field(default_factory=Counter)
    matched: int = 0
    done: Counter[type] = field(default_factory=Counter)
    orders_added: int = 0
    sums: dict[Figure, Decimal] = field(default_factory=lambda: dict.fromkeys(Figure, ZERO))
    commands: int = 0
    commands_repeated: int = 0
    commands_refused: Counter[str] = field(default_factory=Counter)
    several_times: int = 0
    seconds: float = 0.0

    @property
    def imported(self) -> int:
        return self.ways[Way.ORDER]

    @property
    def cancelling(self) -> int:
        """Lines that took something back."""
        return self.ways.total() - self.imported

    @property
    def quarantined(self) -> int:
        return self.reasons.total()

    @property
    def orders(self) -> int:
        return self.done[CreateOrder]

    @property
    def of_customers(self) -> int:
        """Customers' cancellation lines."""
        return self.matched + self.not_matched.total()

    @property
    def share_matched(self) -> float:
        return self.matched / self.of_customers if self.of_customers else 1.0

    @property
    def owed_back(self) -> Decimal:
        """What was paid, is not owed any more and was not given back: some notes give less than was paid."""
        off = self.sums[Figure.CANCELLED] + self.sums[Figure.RETURNED] + self.sums[Figure.ALLOWANCES]
        return off - self.sums[Figure.REFUNDED]

    def answered(self, step: Step, answer: Answer | Refusal) -> list[Awaiting]:
        """Count an answer. Returns what waited for it last."""
        self.commands += 1
        refusal = ""
        if isinstance(answer, Answer):
            self.commands_repeated += answer.replayed
            self.done[type(step.command)] += 1
            self.orders_added += isinstance(step.command, CreateOrder) and not answer.replayed
            if step.figure:
                self.sums[step.figure] += step.amount
        else:
            refusal = _why(answer)
            self.commands_refused[f"{type(step.command).__name__}: {refusal}"] += 1
        for each in step.awaiting:
            each.commands -= 1
            each.refused = each.refused or refusal
        return [each for each in step.awaiting if not each.commands]

    def taken(self, done: Awaiting) -> None:
        self.ways[done.way] += len(done.lines)
        if done.way is not Way.ORDER:
            self.matched += sum(line.raw.is_customers_cancellation for line in done.lines)

    def left_out(self, raw: RawLine, reason: str) -> None:
        self.reasons[reason] += 1
        if raw.is_customers_cancellation:
            self.not_matched[reason] += 1

    def as_json(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "lines_imported": self.imported,
            "lines_cancelling": self.cancelling,
            "lines_cancelling_by_way": {way: n for way, n in self.ways.most_common() if way is not Way.ORDER},
            "lines_quarantined": self.quarantined,
            "quarantine": dict(self.reasons.most_common()),
            "customers_cancellation_lines": {
                "lines": self.of_customers,
                "matched": self.matched,
                "share": round(self.share_matched, 4),
                "not_matched": dict(self.not_matched.most_common()),
            },
            "orders": self.orders,
            "orders_added": self.orders_added,
            "orders_cancelled": self.done[CancelOrder],
            "returns": self.done[ReceiveReturn],
            "refunds": self.done[SettleRefund],
            "total": {"currency": CURRENCY}
            | {figure: str(amount) for figure, amount in self.sums.items()}
            | {"owed_back": str(self.owed_back)},
            "commands": self.commands,
            "commands_repeated": self.commands_repeated,
            "commands_refused": dict(self.commands_refused),
            "invoices_with_several_times": self.several_times,
            "seconds": round(self.seconds, 3),
            "lines_per_second": round(self.lines / self.seconds) if self.seconds else 0,
        }


def _why(refusal: Refusal) -> str:
    if isinstance(refusal, CommandRefused):
        return refusal.code
    if isinstance(refusal, ConcurrencyError):
        return "the order was changed otherwise"
    return "imported before with another content"
