"""Where Django looks for this app's tables; each stands beside its handlers."""

from projections.accounting.books import AccountingDay, AccountingEntry, AccountingOrder
from projections.builds import Build
from projections.checkpoints import Checkpoint, DriftFlag, ParkedEvent, SkippedEvent
from projections.customer.orders import CustomerOrder
from projections.staff.orders import StaffOrder

__all__ = [
    "AccountingDay",
    "AccountingEntry",
    "AccountingOrder",
    "Build",
    "Checkpoint",
    "CustomerOrder",
    "DriftFlag",
    "ParkedEvent",
    "SkippedEvent",
    "StaffOrder",
]
