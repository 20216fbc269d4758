"""The commands of access. They record what happens to rows of Django's tables in the same transaction."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked

REASON = "Why; whoever reads the log later has only this."


@command("access.change")
class ChangeAccess:
    """Record rights that were given and taken away."""

    holder_id: UUID
    holder: str = field(metadata=checked("Whose rights.", max_length=300))
    granted: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    reason: str = field(default="", metadata=checked(REASON, max_length=500))


@command("access.change_credentials")
class ChangeCredentials:
    """Record that a password, a second factor or another credential was set, added or removed."""

    holder_id: UUID
    holder: str = field(metadata=checked("Whose credentials.", max_length=300))
    change: str = field(metadata=checked("What changed.", max_length=200))
    reason: str = field(default="", metadata=checked(REASON, max_length=500))


AccessCommand = ChangeAccess | ChangeCredentials
