"""The events of access: what was given, what was taken away, and which credentials changed.

Who did it is the actor of the event. The holder is named as an actor is: `staff:anna`, `service:erp`, `customer:ID`,
and also `group:NAME`. Rights are `log in`, `staff`, `superuser`, `customer ID`, `group NAME`, `token START`, and the
name of a permission, such as `projections.operate`. All of it stays in the clear: who had which access
has to be known for as long as the log is kept.
"""

from uuid import UUID

from eventstore.messages import event, public


@event("access.granted")
class AccessGranted:
    """A person, a program or a group was given rights. `reason` is in the words of whoever gave them."""

    holder_id: UUID
    holder: str = public()
    rights: tuple[str, ...] = public()
    reason: str = public()


@event("access.withdrawn")
class AccessWithdrawn:
    """Rights were taken away."""

    holder_id: UUID
    holder: str = public()
    rights: tuple[str, ...] = public()
    reason: str = public()


@event("access.credentials_changed")
class CredentialsChanged:
    """What somebody logs in with has changed. `change` says what, such as `password set`."""

    holder_id: UUID
    holder: str = public()
    change: str = public()
    reason: str = public()


AccessEvent = AccessGranted | AccessWithdrawn | CredentialsChanged
