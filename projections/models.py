"""Where Django looks for this app's tables; each stands beside its handlers."""

from projections.accounting.accounts import AccountMoney, AccountMoneyEntry
from projections.accounting.books import AccountingDay, AccountingEntry, AccountingOrder
from projections.builds import Build
from projections.checkpoints import Checkpoint, DriftFlag, ParkedEvent, SkippedEvent
from projections.customer.account import CustomerAccount, CustomerAccountMovement
from projections.customer.feed import FeedEvent, FeedOrder
from projections.customer.orders import CustomerOrder
from projections.customer.webhooks.models import WebhookDelivery, WebhookEndpoint
from projections.staff.orders import StaffOrder

__all__ = [
    "AccountMoney",
    "AccountMoneyEntry",
    "AccountingDay",
    "AccountingEntry",
    "AccountingOrder",
    "Build",
    "Checkpoint",
    "CustomerAccount",
    "CustomerAccountMovement",
    "CustomerOrder",
    "DriftFlag",
    "FeedEvent",
    "FeedOrder",
    "ParkedEvent",
    "SkippedEvent",
    "StaffOrder",
    "WebhookDelivery",
    "WebhookEndpoint",
]
