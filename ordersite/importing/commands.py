"""What an import sends: a command at a time, and which lines of the file wait for its answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid5

from eventstore.dispatch import Context
from orders.commands import OrderCommand
from orders.values import ZERO
from ordersite.importing.invoices import Line
from ordersite.importing.sales import Sale

ACTOR = "service:import_orders"
APPROVER = f"{ACTOR}/approval"
"""Who approves a refund: over a limit that takes a second one."""

NAMES = UUID("b1d3b9a0-3c0d-4c52-9f7e-21a4f2f2c0de")


class Way(StrEnum):
    """What a line of the file means."""

    ORDER = "ordered"
    CANCEL = "cancelled"  # goods that did not leave yet, and their money
    RETURN = "returned"  # goods that left, and their money
    REFUND = "charge refunded"  # the money of a shipping or a charge line; nothing comes back
    ALLOWANCE = "allowance"  # money of the order as a whole
    WRITE_OFF = "written off"


class Figure(StrEnum):
    """The sums of an import, named as the accountants' view names them."""

    SOLD = "sold"
    PAID = "paid"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    ALLOWANCES = "allowances"
    REFUNDED = "refunded"
    WRITTEN_OFF = "written_off"


@dataclass(slots=True, eq=False)
class Awaiting:
    """Lines that are accounted for once each of their `commands` is answered; `refused` says why one was not done."""

    lines: Sequence[Line]
    way: Way
    commands: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A command, the lines that wait for it, and what it adds to one of the sums once it is done."""

    command: OrderCommand
    context: Context
    awaiting: Sequence[Awaiting] = ()
    figure: Figure | None = None
    amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Quarantined:
    line: Line
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The invoice that commands come from, and the lines of it that wait for them."""

    number: str
    at: datetime
    awaiting: Sequence[Awaiting] = ()

    def step(
        self,
        sale: Sale,
        what: str,
        command: OrderCommand,
        *,
        synthetic: str = "",
        actor: str = ACTOR,
        guard: Callable[[Any], None] | None = None,
        figure: Figure | None = None,
        amount: Decimal = ZERO,
    ) -> Step:
        """The next command to `sale`; `synthetic` names the rule that made it up.

        Its id is the same every time the same invoice is imported: that is what makes a second import add nothing. It
        is refused where somebody else changed the order: then the versions that are counted here are not its own.
        """
        context = Context(
            actor=actor,
            command_id=uuid5(NAMES, f"{self.number}/{what}/{sale.number}"),
            correlation_id=_correlation_of(self.number),
            expected_version=sale.version,
            occurred_at=self.at,
            extra={"synthetic": synthetic} if synthetic else {},
            guard=guard,
        )
        sale.version += 1
        for each in self.awaiting:
            each.commands += 1
        return Step(command, context, self.awaiting, figure, amount)


@lru_cache(maxsize=1000)  # an invoice's commands come one after the other, but for its parcel of the next day
def _correlation_of(number: str) -> UUID:
    return uuid5(NAMES, number)
