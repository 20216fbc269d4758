"""All models of this app, imported here for Django. Each read model is defined in the module of its projection."""

from projections.accounting.balances import AccountMoney, AccountMoneyEntry
from projections.accounting.journal import AccountingDay, AccountingEntry, AccountingOrder
from projections.customer.account import CustomerAccount, CustomerAccountMovement
from projections.customer.feed import FeedEvent, FeedOrder
from projections.customer.orders import CustomerOrder
from projections.engine.checkpoints import Checkpoint, DriftFlag, ParkedEvent, SkippedEvent, TakenRange
from projections.rebuild.models import Build
from projections.staff.orders import StaffOrder
from projections.webhooks.models import WebhookDelivery, WebhookEndpoint

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
    "TakenRange",
    "WebhookDelivery",
    "WebhookEndpoint",
]
