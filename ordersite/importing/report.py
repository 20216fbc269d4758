"""The report of an import: the outcome of every line and every command, and the sums."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from eventstore.dispatch import Answer, Refusal
from eventstore.errors import CommandRefused, ConcurrencyError
from orders.commands import CancelOrder, CreateOrder, ReceiveReturn, SettleRefund
from orders.values import ZERO
from ordersite.importing.commands import Figure, ImportCommand, Outcome, PendingLines
from ordersite.importing.layouts.layout import Layout
from ordersite.importing.sources.tables import RawLine


@dataclass
class Report:
    """Counts of lines by outcome, of quarantined lines by reason, and of rows that are not read; together all `rows`.

    `read` counts the rows that were read so far. A customer's cancellation line is a line of a credit note that names a
    customer. The sums, by currency, include the commands that an earlier import did. `owed_back` is the
    money that was paid, is no longer due and was not refunded: some notes give less than was paid. `guesses` counts
    commands by the rule that found what the file does not say.
    """

    layout: Layout
    rows: int = 0
    read: int = 0
    unused: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    not_matched: Counter[str] = field(default_factory=Counter)
    matched: int = 0
    done: Counter[type] = field(default_factory=Counter)
    orders_added: int = 0
    sums: dict[str, dict[Figure, Decimal]] = field(default_factory=dict)
    owed_back: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    commands: int = 0
    commands_repeated: int = 0
    guesses: Counter[str] = field(default_factory=Counter)
    commands_refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def imported(self) -> int:
        """Return the number of lines that are part of an order."""
        return self.outcomes[Outcome.ORDER]

    @property
    def cancelling(self) -> int:
        """Return the number of lines that took something back."""
        return self.outcomes.total() - self.imported

    @property
    def quarantined(self) -> int:
        """Return the number of lines that were not imported."""
        return self.reasons.total()

    @property
    def lines(self) -> int:
        """Return the number of lines with an outcome: imported, taking something back, or quarantined."""
        return self.outcomes.total() + self.quarantined

    @property
    def accounted(self) -> int:
        """Return the number of rows that are in one of the sums."""
        return self.lines + self.unused.total()

    @property
    def orders(self) -> int:
        """Return the number of orders, now or in an earlier import."""
        return self.done[CreateOrder]

    @property
    def customers_cancellations(self) -> int:
        """Return the number of customers' cancellation lines."""
        return self.matched + self.not_matched.total()

    @property
    def share_matched(self) -> float:
        """Return the matched part of the customers' cancellation lines, from 0 to 1."""
        return self.matched / self.customers_cancellations if self.customers_cancellations else 1.0

    def add_answer(self, sent: ImportCommand, answer: Answer | Refusal) -> list[PendingLines]:
        """Count an answer. Return the lines that now have all their answers."""
        self.commands += 1
        refusal = ""
        if isinstance(answer, Answer):
            self.commands_repeated += answer.replayed
            self.done[type(sent.command)] += 1
            if rule := sent.context.extra.get("synthetic"):
                self.guesses[rule] += 1
            self.orders_added += isinstance(sent.command, CreateOrder) and not answer.replayed
            if sent.figure:
                sums = self.sums.setdefault(sent.currency, dict.fromkeys(Figure, ZERO))
                sums[sent.figure] += sent.amount
                self.owed_back[sent.currency] += sent.owed_back
        else:
            refusal = _reason(answer)
            self.commands_refused[f"{type(sent.command).__name__}: {refusal}"] += 1
        for pending in sent.pending:
            pending.commands -= 1
            pending.refused = pending.refused or refusal
        return [pending for pending in sent.pending if not pending.commands]

    def add_lines(self, done: PendingLines) -> None:
        """Count lines that were imported."""
        self.outcomes[done.outcome] += len(done.lines)
        if done.outcome is not Outcome.ORDER:
            self.matched += sum(map(self.layout.is_customers_cancellation, done.lines))

    def add_quarantined(self, raw: RawLine, reason: str) -> None:
        """Count a line that was not imported."""
        self.reasons[reason] += 1
        if self.layout.is_customers_cancellation(raw):
            self.not_matched[reason] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the object that `import_orders --json` prints."""
        return {
            "layout": self.layout.name,
            "rows": self.rows,
            "lines": self.lines,
            "lines_imported": self.imported,
            "lines_cancelling": self.cancelling,
            "lines_cancelling_by_way": {
                outcome: count for outcome, count in self.outcomes.most_common() if outcome is not Outcome.ORDER
            },
            "lines_quarantined": self.quarantined,
            "quarantine": dict(self.reasons.most_common()),
            "customers_cancellation_lines": {
                "lines": self.customers_cancellations,
                "matched": self.matched,
                "share": round(self.share_matched, 4),
                "not_matched": dict(self.not_matched.most_common()),
            },
            "rows_not_read": self.unused.total(),
            "not_read": dict(self.unused.most_common()),
            "orders": self.orders,
            "orders_added": self.orders_added,
            "orders_cancelled": self.done[CancelOrder],
            "returns": self.done[ReceiveReturn],
            "refunds": self.done[SettleRefund],
            "totals": {
                currency: {figure: str(amount) for figure, amount in sums.items()}
                | {"owed_back": str(self.owed_back[currency])}
                for currency, sums in self.sums.items()
            },
            "commands": self.commands,
            "commands_repeated": self.commands_repeated,
            "guesses": dict(self.guesses.most_common()),
            "commands_refused": dict(self.commands_refused),
            **self.layout.figures(),
            "seconds": round(self.seconds, 3),
            "lines_per_second": round(self.read / self.seconds) if self.seconds else 0,
        }


def _reason(refusal: Refusal) -> str:
    if isinstance(refusal, CommandRefused):
        return refusal.code
    if isinstance(refusal, ConcurrencyError):
        return "something else changed the order"
    return "imported before with other content"
