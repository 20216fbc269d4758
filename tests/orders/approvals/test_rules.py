"""The rules of two persons: a limit for each person, and approval by another."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from orders.approvals.commands import DeclineApproval, GrantApproval, RequestApproval, UseLimit
from orders.approvals.events import ApprovalDeclined, ApprovalGranted, ApprovalRequested, LimitUsed
from orders.approvals.identity import limit_of
from tests.support.decider_spec import given

ID, ORDER_ID, COMMAND_ID = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2031, 3, 31, 12, tzinfo=UTC)
LIMITED: dict[str, Any] = {"limit_id": ID, "person": "staff:anna", "currency": "GBP"}
MOVED: dict[str, Any] = {"what": "write-off", "moved_id": ORDER_ID}
REQUEST = RequestApproval(
    approval_id=ID,
    command_id=COMMAND_ID,
    command_type="order.write_off",
    command="{}",
    fingerprint="ab",
    subject_id=ORDER_ID,
    moved_type="order",
    amount=Decimal(980),
    currency="GBP",
    requested_by="staff:anna",
    **MOVED,
)
REQUESTED = ApprovalRequested(**{name: getattr(REQUEST, name) for name in REQUEST.__slots__})  # type: ignore[attr-defined]
GRANT = GrantApproval(
    approval_id=ID,
    approved_by="staff:ben",
    requested_by="staff:anna",
    fingerprint="ab",
    amount=Decimal(980),
    currency="GBP",
)
GRANTED = ApprovalGranted(
    approval_id=ID, requested_by="staff:anna", approved_by="staff:ben", amount=Decimal(980), currency="GBP"
)


def use(amount: str, at: datetime = NOON, **changes: Any) -> UseLimit:
    command = UseLimit(amount=Decimal(amount), limit=Decimal(100), used_at=at, **LIMITED, **MOVED)
    return replace(command, **changes)


def used(amount: str, at: datetime = NOON) -> LimitUsed:
    return LimitUsed(amount=Decimal(amount), used_at=at, **LIMITED, **MOVED)


def test_amounts_count_until_the_limit() -> None:
    given().when(use("100")).then(used("100"))
    given(used("60")).when(use("40")).then(used("40"))
    given(used("60")).when(use("40.01")).refused("approval_needed", "100.01 GBP alone in 24 hours, and 100.00 GBP")


def test_many_small_amounts_are_one_large_one() -> None:
    history = [used("10", NOON + timedelta(minutes=each)) for each in range(10)]
    given(*history).when(use("0.01", NOON + timedelta(hours=23))).refused("approval_needed")


def test_the_window_moves_with_the_clock() -> None:
    past = [used("60", NOON - timedelta(hours=25)), used("60", NOON - timedelta(hours=23))]
    given(*past).when(use("40")).then(used("40"))
    given(*past).when(use("41")).refused("approval_needed")


def test_a_refund_of_ones_own_asks_for_its_second_person() -> None:
    given(used("60")).when(use("41", own_refund=True)).refused("second_person_needed")


def test_another_spelling_of_a_name_has_the_same_limit() -> None:
    assert limit_of("staff:anna", "GBP") == limit_of("staff:Anna", "GBP") != limit_of("staff:anna", "EUR")


def test_a_request_waits_once() -> None:
    given().when(REQUEST).then(REQUESTED)
    given(REQUESTED).when(REQUEST).then()
    given(REQUESTED).when(replace(REQUEST, fingerprint="cd")).refused("approval_is_otherwise")


def test_another_person_approves_it_once() -> None:
    given(REQUESTED).when(GRANT).then(GRANTED)
    given(REQUESTED, GRANTED).when(GRANT).refused("approval_is_otherwise", "granted already")
    given().when(GRANT).refused("approval_not_found")


@pytest.mark.parametrize("by", ["staff:anna", "staff:Anna", "service:erp", "customer:7", ""])
def test_neither_the_requester_nor_a_program_approves_it(by: str) -> None:
    given(REQUESTED).when(replace(GRANT, approved_by=by)).refused("second_person_needed")


@pytest.mark.parametrize(
    "otherwise",
    [{"fingerprint": "cd"}, {"requested_by": "staff:eve"}, {"amount": Decimal(981)}, {"currency": "EUR"}],
    ids=str,
)
def test_an_approval_is_for_one_command_and_its_amount(otherwise: dict[str, Any]) -> None:
    given(REQUESTED).when(replace(GRANT, **otherwise)).refused("approval_is_otherwise")


def test_it_is_declined_with_a_reason_by_anybody() -> None:
    decline = DeclineApproval(approval_id=ID, reason=" Not agreed ", declined_by="staff:anna")
    declined = ApprovalDeclined(approval_id=ID, declined_by="staff:anna", reason="Not agreed")
    given(REQUESTED).when(decline).then(declined)
    given(REQUESTED, declined).when(GRANT).refused("approval_is_otherwise", "declined already")
    given(REQUESTED).when(replace(decline, reason=" ")).refused("no_reason")
