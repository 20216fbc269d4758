"""Who is a person, and the ids of limits and approvals."""

from uuid import UUID, uuid5

_LIMITS = UUID("6d5e4c0e-1a0b-4a55-9a39-8c9a1b1f1a51")
_APPROVALS = UUID("a0c94a5b-6b8a-4d0c-8d0f-0b1f5c8a7e22")

PERSON = "staff:"
"""How the actor of a person of the shop starts. Programs, processes and customers have other actors."""
APPROVAL, APPROVED_BY = "approval", "approved_by"
"""The keys in an event's metadata of the approval that allowed it, and of the second person."""


def is_person(actor: str) -> bool:
    """Return whether the actor is a person of the shop."""
    return actor.startswith(PERSON)


def is_same_person(one: str, other: str) -> bool:
    """Return whether two actors may be the same person: names that differ only in capitals count as one."""
    return one.casefold() == other.casefold()


def limit_of(person: str, currency: str) -> UUID:
    """Return the id of a person's limit in a currency (ISO 4217)."""
    return uuid5(_LIMITS, f"{person.casefold()}/{currency}")


def approval_of(command_id: UUID) -> UUID:
    """Return the id of the approval of a command: a command that is sent again asks for the same one."""
    return uuid5(_APPROVALS, str(command_id))
