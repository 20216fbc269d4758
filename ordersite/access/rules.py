"""The rules of access: each change is recorded once, and says what changed.

Who may change whose rights is decided before the rows change, in `powers`: it depends on the person who asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never, get_args

from eventstore.decider import Decider, HistoryRules, register
from ordersite.access.commands import AccessCommand, ChangeAccess, ChangeCredentials
from ordersite.access.events import AccessEvent, AccessGranted, AccessWithdrawn, CredentialsChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rights that the log knows of. Rights from before the first event are not among them."""

    rights: frozenset[str] = frozenset()


def evolve(access: Access, event: AccessEvent) -> Access:
    """Return `access` after `event`."""
    match event:
        case AccessGranted():
            return replace(access, rights=access.rights | set(event.rights))
        case AccessWithdrawn():
            return replace(access, rights=access.rights - set(event.rights))
        case CredentialsChanged():
            return access
        case _:
            assert_never(event)


def decide(command: AccessCommand, access: Access) -> Sequence[AccessEvent]:
    """Return the events of `command`; none if it gives no right and takes none away."""
    match command:
        case ChangeAccess():
            return _change(command)
        case ChangeCredentials():
            about = {"holder_id": command.holder_id, "holder": command.holder, "reason": command.reason}
            return [CredentialsChanged(change=command.change, **about)]  # type: ignore[arg-type]  # a dict of two types
        case _:
            assert_never(command)


def _change(command: ChangeAccess) -> list[AccessEvent]:
    parts = ((AccessWithdrawn, command.withdrawn), (AccessGranted, command.granted))
    return [
        kind(holder_id=command.holder_id, holder=command.holder, rights=tuple(sorted(rights)), reason=command.reason)
        for kind, rights in parts
        if rights
    ]


ACCESS = Decider(
    aggregate_type="access",
    initial=Access(),
    decide=decide,
    evolve=evolve,
    identify=lambda command: command.holder_id,
    history=HistoryRules(id_field="holder_id"),
)

register(ACCESS, get_args(AccessCommand))
