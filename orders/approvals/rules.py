"""The rules of two persons: a limit for what one person moves alone, and approval by another person beyond it."""

from collections.abc import Sequence
from typing import assert_never, get_args

from eventstore.decider import Decider, HistoryRules, register
from eventstore.errors import AggregateNotFound, CommandRefused
from orders.approvals.commands import ApprovalCommand, DeclineApproval, GrantApproval, RequestApproval, UseLimit
from orders.approvals.events import ApprovalDeclined, ApprovalEvent, ApprovalGranted, ApprovalRequested, LimitUsed
from orders.approvals.identity import is_person, is_same_person
from orders.approvals.invariants import require_possible, require_possible_use
from orders.approvals.state import Approval, ApprovalStatus, Limit, evolve_approval, evolve_limit
from orders.money import rounded


def decide_limit(command: UseLimit, limit: Limit) -> Sequence[LimitUsed]:
    """Count the amount against the person's limit. Raises CommandRefused beyond it."""
    total = limit.used(command.used_at) + command.amount
    if total <= command.limit:
        return [
            LimitUsed(
                limit_id=command.limit_id,
                person=command.person,
                amount=command.amount,
                currency=command.currency,
                used_at=command.used_at,
                what=command.what,
                moved_id=command.moved_id,
            )
        ]
    figures = {
        "amount": rounded(command.amount, command.currency),
        "total": rounded(total, command.currency),
        "limit": rounded(command.limit, command.currency),
        "currency": command.currency,
    }
    if command.own_refund:
        raise CommandRefused(
            "second_person_needed",
            "with this refund you would have moved {total} {currency} alone in 24 hours, and {limit} {currency} is the"
            " most: a second person must approve it",
            **figures,
        )
    raise CommandRefused(
        "approval_needed",
        "with these {amount} {currency} you would have moved {total} {currency} alone in 24 hours, and {limit}"
        " {currency} is the most: a second person must approve it",
        **figures,
    )


def decide_approval(command: ApprovalCommand, approval: Approval) -> Sequence[ApprovalEvent]:
    """Return the events of `command` on `approval`. Raises CommandRefused, AggregateNotFound."""
    match command:
        case RequestApproval():
            return _request(command, approval)
        case GrantApproval():
            return [_grant(command, approval)]
        case DeclineApproval():
            return [_decline(command, approval)]
        case _:
            assert_never(command)


def require_grantable(approval: Approval, by: str) -> None:
    """Check that this person may approve the command now. Raises CommandRefused, AggregateNotFound."""
    _require_waiting(approval)
    if not is_person(by):
        raise CommandRefused("second_person_needed", "a program cannot approve what a person asks for: ask a person")
    if is_same_person(by, approval.requested_by):
        raise CommandRefused("second_person_needed", "you asked for this yourself: a second person must approve it")


def _request(command: RequestApproval, approval: Approval) -> Sequence[ApprovalEvent]:
    if approval.status is not ApprovalStatus.NONE:
        if approval.fingerprint != command.fingerprint:
            raise CommandRefused("approval_is_otherwise", "another command was sent for approval under this id")
        return []
    return [
        ApprovalRequested(
            approval_id=command.approval_id,
            command_id=command.command_id,
            command_type=command.command_type,
            command=command.command,
            fingerprint=command.fingerprint,
            subject_id=command.subject_id,
            moved_id=command.moved_id,
            moved_type=command.moved_type,
            amount=command.amount,
            currency=command.currency,
            what=command.what,
            requested_by=command.requested_by,
        )
    ]


def _grant(command: GrantApproval, approval: Approval) -> ApprovalGranted:
    require_grantable(approval, command.approved_by)
    if command.requested_by != approval.requested_by or command.fingerprint != approval.fingerprint:
        raise CommandRefused("approval_is_otherwise", "this approval is for another command")
    if command.amount and (command.currency != approval.currency or command.amount > approval.amount):
        raise CommandRefused(
            "approval_is_otherwise",
            "{asked} {currency} was to be approved, and it would be {amount} {currency} now: decline it and ask again",
            asked=approval.amount,
            amount=command.amount,
            currency=approval.currency,
        )
    return ApprovalGranted(
        approval_id=command.approval_id,
        requested_by=command.requested_by,
        approved_by=command.approved_by,
        amount=command.amount,
        currency=approval.currency,
    )


def _decline(command: DeclineApproval, approval: Approval) -> ApprovalDeclined:
    _require_waiting(approval)
    if not command.reason.strip():
        raise CommandRefused("no_reason", "give a reason that will still make sense in a year")
    return ApprovalDeclined(
        approval_id=command.approval_id, declined_by=command.declined_by, reason=command.reason.strip()
    )


def _require_waiting(approval: Approval) -> None:
    if approval.status is ApprovalStatus.NONE:
        raise AggregateNotFound("approval_not_found", "nothing waits for approval under this id")
    if approval.status is not ApprovalStatus.WAITING:
        raise CommandRefused(
            "approval_is_otherwise",
            "this is {status} already: only what is waiting can be approved or declined",
            status=approval.status,
        )


LIMIT = Decider(
    aggregate_type="limit",
    initial=Limit(),
    decide=decide_limit,
    evolve=evolve_limit,
    identify=lambda command: command.limit_id,
    history=HistoryRules(begun_by=(), id_field="limit_id", require_possible=require_possible_use),
)
APPROVAL = Decider(
    aggregate_type="approval",
    initial=Approval(),
    decide=decide_approval,
    evolve=evolve_approval,
    identify=lambda command: command.approval_id,
    history=HistoryRules(begun_by=(ApprovalRequested,), id_field="approval_id", require_possible=require_possible),
    subject=lambda approval, approval_id: approval.subject_id,
    # Never reached: a snapshot would hold the command, with personal data, in the clear.
    snapshot_every=1_000_000_000,
)

register(LIMIT, (UseLimit,))
register(APPROVAL, get_args(ApprovalCommand))
