"""Warn of a tracking code that several parcels would have. Carriers reuse codes, so a person decides."""

from collections.abc import Iterator, Sequence
from typing import Any

from projections.staff.orders import StaffOrder, parcels_with_code


def shared_codes(sent: Sequence[tuple[StaffOrder, dict[str, Any]]]) -> list[str]:
    """Return a sentence for each tracking code in these forms that another form or another parcel has, too."""
    by_code: dict[str, list[tuple[StaffOrder, dict[str, Any]]]] = {}
    for order, fields in sent:
        if code := (fields.get("tracking_code") or "").strip():
            by_code.setdefault(code, []).append((order, fields))
    return [
        f"The tracking code {code} is also that of {', '.join(others)}."
        for code, forms in by_code.items()
        if (others := list(dict.fromkeys(_others(code, forms))))
    ]


def _others(code: str, forms: Sequence[tuple[StaffOrder, dict[str, Any]]]) -> Iterator[str]:
    """Yield the other parcels with this code: those of the forms, if there are several, and those that were sent."""
    yield from (f"order {order}" for order, _ in forms if len(forms) > 1)
    corrected = {(order.pk, fields.get("shipment_id")) for order, fields in forms}
    for order, parcel in parcels_with_code(code):
        if (order.pk, parcel.shipment_id) not in corrected:
            yield f"parcel {parcel.shipment_id} of order {order}"
