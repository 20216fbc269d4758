"""The largest order that may exist can be changed in the admin: its forms show and send a part of its lines."""

import html
import re
from typing import Any

import pytest
from django.conf import settings

from ordersite.admin.forms.prefill import ROWS_SHOWN
from ordersite.roles import BACK_OFFICE
from projections.staff.orders import StaffOrder
from tests.support.admin import LogIn, text
from tests.support.api import BODY, ORDERS, send

FORMS = "/admin/projections/stafforder/command"
BYTES = 1_000_000  # at most, for a page
LINES = 1_114  # more than Django's 1,000 fields of a form


@pytest.fixture
def order_id(api: Any) -> str:
    """A paid order of many lines."""
    placed = send(api, ORDERS, BODY | {"lines": [BODY["lines"][0]] * LINES}).json()
    paid = send(api, f"{ORDERS}/{placed['order_id']}/payments", {"amount": f"{15 * LINES}", "payment_method": "card"})
    assert paid.status_code == 200
    return str(placed["order_id"])


def fields_of(page: str) -> dict[str, list[str]]:
    """Return what a browser would send of the page's own form, as it is."""
    form = page[page.index('name="form_id"') - 400 :]
    found: dict[str, list[str]] = {}
    for field in re.findall(r"<input[^>]*>", form):
        parts = dict(re.findall(r'(\w+)="([^"]*)"', field))
        if "name" in parts and parts.get("type") not in ("checkbox", "submit"):
            found.setdefault(parts["name"], []).append(html.unescape(parts.get("value", "")))
    return found


def links_of(page: str) -> list[str]:
    """Return the addresses of the other parts of the lines."""
    return [html.unescape(address) for address in re.findall(r'href="(\?[^"]*rows_from=[^"]*)"', page)]


@pytest.mark.parametrize("name", ["edit", "stage_edit", "ship_lines", "cancel_lines", "request_refund"])
def test_each_form_of_lines_shows_all_of_them_in_parts(log_in: LogIn, order_id: str, name: str) -> None:
    staff, shown = log_in(BACK_OFFICE), []
    first = text(staff.get(f"{FORMS}/{name}/?order={order_id}"))
    for page in (first, *(text(staff.get(f"{FORMS}/{name}/{link}")) for link in links_of(first))):
        numbers = {int(n) for n in re.findall(r'name="(?:lines|quantities)-(\d+)-quantity"', page)}
        assert 0 < len(numbers) <= ROWS_SHOWN
        assert len(page.encode()) < BYTES
        assert len(fields_of(page)) < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        shown += sorted(numbers)
    assert shown == [*range(1, LINES + 1)]


def test_an_order_of_more_lines_than_a_form_has_fields_is_edited(log_in: LogIn, order_id: str) -> None:
    staff = log_in(BACK_OFFICE)
    first = text(staff.get(f"{FORMS}/edit/?order={order_id}"))
    assert f"lines 1 to {ROWS_SHOWN} of {LINES}" in first
    last = f"{FORMS}/edit/{links_of(first)[-1]}"
    filled = fields_of(text(staff.get(last))) | {f"quantities-{LINES}-quantity": ["7"]}
    answer = staff.post(f"{FORMS}/edit/", filled, follow=True)
    assert answer.redirect_chain, text(answer)[-3000:]
    order = StaffOrder.objects.get(pk=order_id).state
    assert [order.lines[at].quantity for at in (0, LINES - 2, LINES - 1)] == [2, 2, 7]


def test_the_lines_of_a_part_are_shipped(log_in: LogIn, order_id: str) -> None:
    staff = log_in(BACK_OFFICE)
    page = text(staff.get(f"{FORMS}/ship_lines/?order={order_id}&rows_from=305"))
    answer = staff.post(f"{FORMS}/ship_lines/", fields_of(page) | {"carrier": ["DHL"]}, follow=True)
    assert answer.redirect_chain, text(answer)[-3000:]
    shipped = [line.line_id for line in StaffOrder.objects.get(pk=order_id).state.lines if line.shipped]
    assert shipped == [*range(301, 601)]
    left = text(staff.get(f"{FORMS}/ship_lines/?order={order_id}"))
    assert [re.sub(r".*rows_from=", "", link) for link in links_of(left)] == ["601", "901"]


@pytest.mark.parametrize("start", ["0", "-1", "x", "99999", "9" * 40, ""])
def test_a_part_that_there_is_not_is_the_first_one(log_in: LogIn, order_id: str, start: str) -> None:
    page = text(log_in(BACK_OFFICE).get(f"{FORMS}/edit/?order={order_id}&rows_from={start}"))
    assert f"lines 1 to {ROWS_SHOWN} of {LINES}" in page
