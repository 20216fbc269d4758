"""A history is imported only if its order, account, limit or approval can have had it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from eventstore.errors import CorruptEvent
from eventstore.histories.export import anonymised, export, histories
from eventstore.ids import new_id
from eventstore.models import Event
from tests.support.admin import placed
from tests.support.histories import changed, file_of, load
from tests.support.tampering import empty
from tests.support.whole_life import live

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("event_type", "data", "words"),
    [
        ("order.payment_captured", {"payment_id": 7, "method": "card", "reference": "", "amount": "1.00"}, "no state"),
        ("order.refund_settled", {"refund_id": 3, "amount": "1.00", "reference": ""}, "no state"),
        ("order.parcel_delivered", {"shipment_id": 2}, "no state"),
        ("order.return_approved", {"return_id": 2}, "no state"),
        (
            "order.parcel_shipped",
            {"shipment_id": 1, "lines": [{"line_id": 99, "quantity": 1}], "carrier": "", "tracking_code": ""},
            "no line 99",
        ),
    ],
)
def test_an_event_about_a_part_that_the_order_does_not_have_is_refused_with_its_line(
    event_type: str, data: dict[str, Any], words: str
) -> None:
    order_id = placed()
    lines = file_of(order_id)
    empty()
    event = {"event_type": event_type, "schema_version": 1, "version": 2, "event_id": str(new_id()), "personal": []}
    currency = {} if "parcel" in event_type or "return" in event_type else {"currency": "GBP"}
    impossible = changed(lines[1], **event, subject_id=None, data={"order_id": str(order_id), **data, **currency})
    with pytest.raises(CorruptEvent, match=words) as refusal:
        load([changed(lines[0], events=2), lines[1], impossible])
    assert "line 3" in refusal.value.__notes__
    assert not Event.objects.exists()


def _line(place: int, **changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a change of one of the lines of an event."""

    def change(data: dict[str, Any]) -> dict[str, Any]:
        lines = [line | changes if number == place else line for number, line in enumerate(data["lines"])]
        return data | {"lines": lines}

    return change


IMPOSSIBLE = [
    ("order.created", {"currency": "XXX"}, "XXX"),
    ("order.created", {"currency": "JPY"}, "more than 0 decimals"),
    ("order.created", {"total": "1.00"}, "its total is 1.00"),
    ("order.created", {"tax": "-1.00"}, "its tax is -1.00"),
    ("order.created", {"lines": []}, "no lines"),
    ("order.created", {"reference": "r" * 501}, "reference has more than 500 characters"),
    ("order.created", {"country": "c" * 501}, "country has more than 500 characters"),
    ("order.created", _line(0, quantity=0), "0 units"),
    ("order.created", _line(0, quantity=-4), "-4 units"),
    ("order.created", _line(0, quantity=10**10), "10000000000 units"),
    ("order.created", _line(0, unit_price="-7.50"), "cannot be sold"),
    ("order.created", _line(0, unit_price="7.5000001"), "cannot be sold"),
    ("order.created", _line(0, amount="30.005"), "more than 2 decimals"),
    ("order.created", _line(0, amount="31.00"), "do not cost 31.00"),
    ("order.created", _line(0, total="31.00"), "its total is|does not follow"),
    ("order.created", _line(0, tax_rate="101"), "tax rate is 101"),
    ("order.created", _line(0, line_id=2), "numbers 2, 2, 3"),
    ("order.created", _line(1, discount="-1.00"), "less than 0"),
    ("order.created", _line(0, discount_share="0.00"), "discounts"),
    ("order.payment_authorised", {"amount": "-40.00"}, "less than 0"),
    ("order.payment_authorised", {"amount": "0.00"}, "zero"),
    ("order.payment_authorised", {"amount": "40.001"}, "more than 2 decimals"),
    ("order.payment_authorised", {"amount": "1000000000000"}, "must be less than"),
    ("order.payment_authorised", {"currency": "EUR"}, "it is in EUR"),
    ("order.payment_authorised", {"payment_id": 1}, "the payments have the numbers 1, 1"),
    ("order.payment_authorised", {"payment_id": 7}, "the payments have the numbers 1, 7"),
    ("order.payment_captured", {"amount": "40.01"}, "captured"),
    ("order.payment_captured", {"amount": "-30.00"}, "less than 0"),
    ("order.payment_captured", {"amount": "0.001"}, "more than 2 decimals"),
    ("order.payment_voided", {"amount": "10.01"}, "voided"),
    ("order.payment_failed", {"amount": "-5.00"}, "less than 0"),
    ("order.written_off", {"amount": "-1.00"}, "less than 0"),
    ("order.written_off", {"amount": "900.00"}, "cannot be written off"),
    ("order.edit_staged", _line(0, quantity=-1), "-1 units"),
    ("order.edit_staged", _line(0, total="0.00"), "does not follow"),
    ("order.edit_staged", {"difference": "1.00"}, "its difference is 1.00"),
    ("order.edit_committed", {"due": "1.00"}, "its due is 1.00"),
    ("order.edit_committed", _line(0, quantity=0), "do not cost"),
    ("order.parcel_shipped", {"shipment_id": 2}, "the parcels have the numbers 2"),
    ("order.parcel_shipped", {"lines": []}, "no line"),
    ("order.parcel_shipped", _line(0, quantity=0), "units of line 1 is 0"),
    ("order.parcel_shipped", _line(0, quantity=-1), "units of line 1 is -1"),
    ("order.parcel_shipped", _line(0, quantity=5), "more than its 4"),
    ("order.parcel_shipped", {"lines": [{"line_id": 1, "quantity": 1}] * 2}, "named twice"),
    ("order.lines_cancelled", {"amount": "1.00"}, "its amount is 1.00"),
    ("order.lines_cancelled", {"due_back": "-1.00"}, "its due_back is -1.00"),
    ("order.lines_cancelled", _line(0, quantity=0), "units of line 2 is 0"),
    ("order.lines_cancelled", _line(0, amount="-9.00"), "its amount"),
    ("order.refund_requested", {"amount": "900.00"}, "are refunded or will be"),
    ("order.refund_requested", {"amount": "-6.00"}, "less than 0"),
    ("order.refund_requested", {"refund_id": 2}, "the refunds have the numbers 2"),
    ("order.refund_requested", _line(0, amount="900.00"), "its lines give back|more is given back"),
    ("order.refund_approved", {"amount": "5.00"}, "its amount is 5.00"),
    ("order.refund_settled", {"amount": "9.00"}, "its amount is 9.00"),
    ("order.return_requested", _line(0, quantity=9), "more units are returned"),
    ("order.return_received", {"amount": "900.00"}, "its amount is 900.00"),
    ("order.return_received", {"damaged": [{"line_id": 1, "quantity": 5}]}, "more than were outstanding|came back"),
    ("account.opened", {"currency": "XXX"}, "XXX"),
    ("account.deposited", {"amount": "-1.00"}, "more than zero"),
    ("account.deposited", {"amount": "1.001"}, "more than 2 decimals"),
    ("account.deposited", {"currency": "EUR"}, "it is in EUR"),
    ("account.deposited", {"reference": "r" * 501}, "more than 500 characters"),
    ("account.withdrawn", {"amount": "50.01"}, "less than zero"),
    ("account.withdrawn", {"amount": "0.00"}, "more than zero"),
]


@pytest.fixture(scope="module")
def whole_life(django_db_setup: None, django_db_blocker: Any) -> list[str]:
    """The history of an order and an account to which everything happened."""
    with django_db_blocker.unblock():
        lines = file_of(*live(new_id()))
        empty()
    return lines


def _name(value: Any) -> str:
    """Return a part of a test's name. It must be the same in every process: xdist compares the names."""
    return "a changed line" if callable(value) else str(value)[:60]


@pytest.mark.parametrize(("event_type", "change", "words"), IMPOSSIBLE, ids=_name)
def test_an_impossible_value_is_refused_with_its_line(
    whole_life: list[str], event_type: str, change: Any, words: str
) -> None:
    lines, place = list(whole_life), _first(whole_life, event_type)
    data = json.loads(lines[place])["data"]
    lines[place] = changed(lines[place], data=change(data) if callable(change) else data | change)
    with pytest.raises(CorruptEvent, match=words) as refusal:
        load(lines)
    assert f"line {place + 1}" in refusal.value.__notes__
    assert not Event.objects.exists()


AGAIN = [
    ("order.payment_authorised", "the payments have the numbers"),
    ("order.payment_captured", "captured"),
    ("order.parcel_shipped", "more than its 4|the parcels have the numbers"),
    ("order.parcel_delivered", "was delivered before"),
    ("order.refund_requested", "the refunds have the numbers"),
    ("order.refund_settled", "is settled before"),
    ("order.refund_declined", "is declined before"),
    ("order.return_requested", "the returns have the numbers|more units"),
    ("order.return_approved", "is approved before"),
    ("order.return_received", "is received before"),
]


@pytest.mark.parametrize(("event_type", "words"), AGAIN)
def test_what_happens_once_is_refused_a_second_time(whole_life: list[str], event_type: str, words: str) -> None:
    """A payment, a refund or a parcel has one number, and each step of it is made once."""
    place = _first(whole_life, event_type)
    before, again = whole_life[: place + 1], changed(whole_life[place], event_id=str(new_id()))
    own = [line for line in before[1:] if json.loads(line)["aggregate_id"] == json.loads(again)["aggregate_id"]]
    again = changed(again, version=len(own) + 1)
    with pytest.raises(CorruptEvent, match=words) as refusal:
        load([changed(before[0], events=len(before)), *before[1:], again])
    assert f"line {place + 2}" in refusal.value.__notes__


def test_an_unchanged_history_is_imported(whole_life: list[str]) -> None:
    assert load(whole_life).added == len(whole_life) - 1


def test_a_history_without_personal_data_is_imported() -> None:
    original = histories(live(new_id()))
    lines = list(export(anonymised(original, redacted=["reference", "payment_reference"])))
    empty()
    assert load(lines).added == len(lines) - 1


def _first(lines: list[str], event_type: str) -> int:
    return next(number for number, line in enumerate(lines) if f'"{event_type}"' in line)
