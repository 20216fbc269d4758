"""The states of an approval and of a person's limit."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from orders.approvals.events import ApprovalDeclined, ApprovalEvent, ApprovalGranted, ApprovalRequested, LimitUsed

WINDOW = timedelta(hours=24)
"""The time over which a person's movements are summed up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """An amount that counts against a limit, and when it was used."""

    used_at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What one person moved alone in one currency within the last WINDOW."""

    uses: tuple[Use, ...] = ()

    def used(self, at: datetime) -> Decimal:
        """Return the sum of what was used within WINDOW before `at`."""
        return sum((each.amount for each in self.uses if each.used_at > at - WINDOW), Decimal(0))


def evolve_limit(limit: Limit, event: LimitUsed) -> Limit:
    """Return `limit` after `event`, without uses that no longer count."""
    kept = tuple(each for each in limit.uses if each.used_at > event.used_at - WINDOW)
    return Limit(uses=(*kept, Use(used_at=event.used_at, amount=event.amount)))


class ApprovalStatus(StrEnum):
    """Where an approval is. NONE: it was never requested."""

    NONE = "none"
    WAITING = "waiting"
    GRANTED = "granted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A command that waits for a second person, or waited."""

    status: ApprovalStatus = ApprovalStatus.NONE
    command_id: UUID | None = None
    command_type: str = ""
    command: str = ""
    fingerprint: str = ""
    subject_id: UUID | None = None
    amount: Decimal = Decimal(0)
    currency: str = ""
    requested_by: str = ""


def evolve_approval(approval: Approval, event: ApprovalEvent) -> Approval:
    """Return `approval` after `event`. No rule is checked: the event has happened."""
    match event:
        case ApprovalRequested():
            return Approval(
                status=ApprovalStatus.WAITING,
                command_id=event.command_id,
                command_type=event.command_type,
                command=event.command,
                fingerprint=event.fingerprint,
                subject_id=event.subject_id,
                amount=event.amount,
                currency=event.currency,
                requested_by=event.requested_by,
            )
        case ApprovalGranted():
            return replace(approval, status=ApprovalStatus.GRANTED)
        case ApprovalDeclined():
            return replace(approval, status=ApprovalStatus.DECLINED)
        case _:
            assert_never(event)
