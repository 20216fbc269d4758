"""The tables of the log, as models for migrations and the admin.

`eventstore.writing` and `eventstore.store` write and read the tables by their own SQL.
"""

from eventstore.models.contents import Contents
from eventstore.models.derived import Correlation, LogFinding, LogRange, Snapshot
from eventstore.models.log import CommandReceipt, Event, Seal, SubjectKey
from eventstore.models.work import ConsumerCheckpoint, ConsumerParkedEvent, Lease, PlannedCommand, QueuedCommand

__all__ = [
    "CommandReceipt",
    "ConsumerCheckpoint",
    "ConsumerParkedEvent",
    "Contents",
    "Correlation",
    "Event",
    "Lease",
    "LogFinding",
    "LogRange",
    "PlannedCommand",
    "QueuedCommand",
    "Seal",
    "Snapshot",
    "SubjectKey",
]
