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
    parcels = {code: list(_parcels(code, forms)) for code, forms in by_code.items()}
    return [
        f"More than one parcel would have the tracking code {code}: {', '.join(named)}."
        for code, named in parcels.items()
        if len(named) > 1
    ]


def _parcels(code: str, forms: Sequence[tuple[StaffOrder, dict[str, Any]]]) -> Iterator[str]:
    """Yield the parcels with this code: those of the forms, then those that were sent."""
    yield from (f"order {order}" for order, _ in forms)
    corrected = {(order.pk, fields.get("shipment_id")) for order, fields in forms}
    for order, parcel in parcels_with_code(code):
        if (order.pk, parcel.shipment_id) not in corrected:
            yield f"parcel {parcel.shipment_id} of order {order}"
