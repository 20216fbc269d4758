"""An imported history of an order names only parts that the order has."""

from typing import Any

import pytest

from eventstore.errors import CorruptEvent
from eventstore.ids import new_id
from eventstore.models import Event
from tests.support.admin import placed
from tests.support.histories import changed, file_of, load
from tests.support.tampering import empty

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
