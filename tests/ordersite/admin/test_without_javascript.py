"""What lists do without a script: days are typed, and all rows of all pages are chosen by a box."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse

from eventstore.dispatch import current_state
from orders.order import ORDER
from ordersite.models import User
from projections.staff import admin
from projections.staff.orders import StaffOrder
from tests.support.admin import ORDERS, placed, text

LogIn = Callable[..., Client]
DATED_LISTS = {
    "stafforder": "placed_at",
    "accountingorder": "day",
    "accountingentry": "day",
    "accountingday": "day",
    "accountmoney": "opened_on",
    "accountmoneyentry": "day",
}


@pytest.fixture
def root(client: Client, projecting: None) -> Client:
    """A browser of somebody who sees all lists."""
    client.force_login(User.objects.create_user("root", is_staff=True, is_superuser=True))
    return client


def test_every_filter_by_day_says_how_to_type_one_and_refuses_what_is_none(root: Client) -> None:
    placed()
    for model, column in DATED_LISTS.items():
        address = f"/admin/projections/{model}/"
        page = text(root.get(address))
        assert "Type a day as year-month-day, such as 2031-03-31, or as day/month/year." in page, model
        for typed in ("31.03.2031", "2031-02-30", "yesterday", "03/31/2031"):
            page = text(root.get(address, {f"{column}_from": typed}))
            assert page.count("No row is shown until you correct it.") == 1, (model, typed)
            assert "This is no date." in page, (model, typed)
            assert 'class="data-row' not in page, (model, typed)


@pytest.mark.parametrize("typed", ["2031-03-31", "31/03/2031"])
def test_a_day_is_typed_in_two_ways(root: Client, typed: str) -> None:
    before, on, after = (placed() for _ in range(3))
    for key, day in ((before, 30), (on, 31), (after, 1)):
        at = datetime(2031, 4 if day == 1 else 3, day, 12, tzinfo=UTC)
        StaffOrder.objects.filter(pk=key).update(placed_at=at)
    page = text(root.get(ORDERS, {"placed_at_from": typed, "placed_at_to": typed}))
    assert [str(key) in page for key in (before, on, after)] == [False, True, False]


def test_a_form_of_filters_is_applied_with_the_fields_that_are_left_empty(root: Client) -> None:
    """As a browser sends it without a script."""
    placed()
    for model in site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        page = text(root.get(address))
        if 'id="filter-form"' in page:
            form = page[page.index('id="filter-form"') :].partition("</form>")[0]
            names = re.findall(r'<(?:input|select)[^>]*? name="([^"]+)"', form)
            assert root.get(address, dict.fromkeys(names, "")).status_code == 200, (model, names)


def test_all_rows_of_all_pages_are_chosen_by_a_box(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.StaffOrderAdmin, "list_per_page", 1)
    orders = [placed() for _ in range(3)]
    page = text(root.get(ORDERS))
    assert "<noscript>" in page
    assert "All 3 rows of all pages" in page
    # As a browser sends the form without a script: the hidden field and then the box.
    sent = {"action": "hold", "index": "0", "select_across": ["0", "1"]}
    form = text(root.post(ORDERS, sent, follow=True))
    assert all(f'name="order" value="{key}"' in form for key in orders)
    only = text(root.post(f"{ORDERS}?q={orders[0]}", sent, follow=True))
    assert [f'name="order" value="{key}"' in only for key in orders] == [True, False, False], "the filters hold"
    nothing = text(root.post(ORDERS, sent | {"select_across": ["0"]}, follow=True))
    assert "Items must be selected" in nothing
    assert not current_state(ORDER, orders[0]).on_hold


def test_a_list_of_one_page_offers_no_box(root: Client) -> None:
    placed()
    assert "rows of all pages" not in text(root.get(ORDERS))
