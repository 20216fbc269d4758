"""The commands that an import sends, and the lines of the file that depend on their answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from uuid_utils.compat import uuid5

from eventstore.dispatch import Context
from orders.commands import OrderCommand
from orders.values import ZERO
from ordersite.importing.sales import CURRENCY
from ordersite.importing.sources.tables import RawLine

ACTOR = "service:import_orders"
APPROVER = f"{ACTOR}/approval"
"""The actor that approves refunds: above a limit, it may not be the actor that requests them."""

NAMES = UUID("b1d3b9a0-3c0d-4c52-9f7e-21a4f2f2c0de")


class Outcome(StrEnum):
    """What became of a line of the file."""

    ORDER = "ordered"
    CANCEL = "cancelled"  # goods that were not shipped yet, and their money
    RETURN = "returned"  # goods that were shipped, and their money
    REFUND = "charge refunded"  # the money of a shipping or charge line; no goods
    ALLOWANCE = "allowance"  # money off the whole order
    WRITE_OFF = "written off"


class Figure(StrEnum):
    """The sums of an import, with the names of the accounting read model."""

    SOLD = "sold"
    PAID = "paid"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    ALLOWANCES = "allowances"
    REFUNDED = "refunded"
    WRITTEN_OFF = "written_off"


_OWING = {Figure.CANCELLED: 1, Figure.RETURNED: 1, Figure.ALLOWANCES: 1, Figure.REFUNDED: -1}


@dataclass(slots=True, eq=False)
class PendingLines:
    """Lines that get their outcome once all their commands are answered.

    `commands` counts the commands without an answer. `refused` is the reason why one of them was refused.
    """

    lines: Sequence[RawLine]
    outcome: Outcome
    commands: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class ImportCommand:
    """A command, the lines that depend on it, and the amount that it adds to one of the sums of its currency.

    `owed_back` is how much more the customer is owed after it: money that was paid, and is no longer due.
    """

    command: OrderCommand
    context: Context
    pending: Sequence[PendingLines] = ()
    figure: Figure | None = None
    amount: Decimal = ZERO
    currency: str = CURRENCY
    owed_back: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A line that cannot be imported, with the reason."""

    line: RawLine
    reason: str


@dataclass(frozen=True, slots=True)
class Unused:
    """A line that need not be imported, because another one has what it says."""

    line: RawLine
    reason: str


class Numbered(Protocol):
    """An order to which commands are sent: its number in its shop, and its version after all commands so far."""

    number: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An invoice that commands come from, and its lines that depend on them."""

    number: str
    at: datetime
    pending: Sequence[PendingLines] = ()

    def command(
        self,
        sale: Numbered,
        purpose: str,
        command: OrderCommand,
        *,
        synthetic: str = "",
        actor: str = ACTOR,
        guard: Callable[[Any], None] | None = None,
        figure: Figure | None = None,
        amount: Decimal = ZERO,
        currency: str = CURRENCY,
        owed_back: Decimal | None = None,
    ) -> ImportCommand:
        """Return the next command to the order of `sale`, and count its version.

        `purpose` is unique among the invoice's commands to this order. `synthetic` names the rule that invented the
        command. The command id is the same in every import of the invoice, so a second import adds nothing. The
        expected version is the one that is counted here, so the command is refused if anything else changed the order.
        """
        context = Context(
            actor=actor,
            command_id=uuid5(NAMES, f"{self.number}/{purpose}/{sale.number}"),
            correlation_id=_correlation_of(self.number),
            expected_version=sale.version,
            occurred_at=self.at,
            extra={"synthetic": synthetic} if synthetic else {},
            guard=guard,
        )
        if owed_back is None:  # all that is cancelled, returned or allowed was paid before
            owed_back = amount * _OWING.get(figure, 0) if figure else ZERO
        sale.version += 1
        for lines in self.pending:
            lines.commands += 1
        return ImportCommand(command, context, self.pending, figure, amount, currency, owed_back)


@lru_cache(maxsize=1000)  # the commands of an invoice come together, except for the shipment
def _correlation_of(number: str) -> UUID:
    return uuid5(NAMES, number)
