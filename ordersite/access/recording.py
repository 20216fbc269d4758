"""Record each change of access in the log: who made it and why, in the transaction of the change.

Whatever changes rights says who and why:

    with because("staff:anna", "Ben works in the back office now"):
        ben.groups.add(group)

Without it, a change in a request is recorded under the person of the request, and any other under the command line. So
a change that forgets to say why is still recorded: `ordersite.access.signals` sees every change of a model.
"""

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse

from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from orders.http.request import correlation_of
from ordersite.access.commands import ChangeAccess, ChangeCredentials
from ordersite.models import LoginRecord

COMMAND_LINE = "command-line"
_HOLDERS = UUID("c0a1de9a-35c4-4b7c-9f0e-0d5ab0a8f2c1")


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Who changes access, why, and the correlation of the request if there is one. Without an actor: not recorded."""

    actor: str
    reason: str
    correlation_id: UUID | None = None


_cause: ContextVar[Cause | None] = ContextVar("access_cause", default=None)
_request: ContextVar[HttpRequest | None] = ContextVar("access_request", default=None)


@contextmanager
def because(actor: str, reason: str, correlation_id: UUID | None = None) -> Iterator[None]:
    """Record the changes of access within under this actor, for this reason."""
    token = _cause.set(Cause(actor=actor, reason=reason, correlation_id=correlation_id))
    try:
        yield
    finally:
        _cause.reset(token)


@contextmanager
def unrecorded() -> Iterator[None]:
    """Record no changes of access: for groups of a new site, which have no members, and what other events say."""
    with because("", ""):
        yield


def asked_by(request: HttpRequest, reason: str) -> Any:
    """Return `because` for the person who sent the request."""
    return because(actor_of(request.user), reason, correlation_of(request))


def actor_of(user: Any) -> str:
    """Return an account as the log names it: `customer:ID`, `service:NAME` or `staff:NAME`."""
    if user.customer_id is not None and not user.is_staff:
        return f"customer:{user.customer_id}"
    return f"{'staff' if user.service_id is None else 'service'}:{user.get_username()}"


class KnowsWhoAsks:
    """Middleware: changes of access in a request are recorded under its person. After the authentication middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, known as the present one meanwhile."""
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def record(holder: Any, *, granted: Collection[str] = (), withdrawn: Collection[str] = ()) -> None:
    """Append what an account or a group was given and lost; nothing if there is nothing."""
    cause = current_cause()
    if cause.actor and (granted or withdrawn):
        command = ChangeAccess(
            holder_id=holder_id(holder),
            holder=name_of(holder),
            granted=tuple(sorted(granted)),
            withdrawn=tuple(sorted(withdrawn)),
            reason=cause.reason[:500],
        )
        dispatch(command, _context(cause))
        changes = [f"{what} {', '.join(rights)}" for what, rights in (("got", granted), ("lost", withdrawn)) if rights]
        _list(holder, "; ".join(changes), cause)


def record_credentials(holder: Any, change: str) -> None:
    """Append that a credential of an account changed, such as `password set`."""
    cause = current_cause()
    if cause.actor:
        command = ChangeCredentials(
            holder_id=holder_id(holder), holder=name_of(holder), change=change, reason=cause.reason[:500]
        )
        dispatch(command, _context(cause))
        _list(holder, change, cause)


def holder_id(holder: Any) -> UUID:
    """Return the id of the aggregate with the access of an account or a group."""
    kind = "group" if isinstance(holder, Group) else "account"
    return uuid5(_HOLDERS, f"{kind}/{holder.pk}")


def name_of(holder: Any) -> str:
    """Return an account as actors are named, or a group as `group:NAME`."""
    return f"group:{holder.name}" if isinstance(holder, Group) else actor_of(holder)


def current_cause() -> Cause:
    """Return who changes access now, and why."""
    if cause := _cause.get():
        return cause
    request = _request.get()
    if request is not None:
        user = getattr(request, "user", None)
        actor = actor_of(user) if user is not None and user.is_authenticated else "visitor"
        return Cause(actor=actor, reason=f"{request.method} {request.path}", correlation_id=correlation_of(request))
    words = [Path(sys.argv[0]).name, *sys.argv[1:2]]
    return Cause(actor=COMMAND_LINE, reason=" ".join(words))


def _list(holder: Any, what: str, cause: Cause) -> None:
    """Add the change to the list that people read. The event is what counts."""
    LoginRecord.objects.create(
        kind=LoginRecord.Kind.ACCESS,
        name=name_of(holder)[:150],
        user_id=None if isinstance(holder, Group) else holder.pk,
        door="command line" if cause.actor == COMMAND_LINE else "admin",
        detail=f"{what}. By {cause.actor}: {cause.reason}"[:500],
    )


def _context(cause: Cause) -> Context:
    return Context(actor=cause.actor, correlation_id=cause.correlation_id or new_id())
