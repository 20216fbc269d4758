"""Large lists in the admin: limited work, and messages about what is left out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from eventstore.admin import large_lists
from eventstore.ids import new_id
from orders.accounts.identity import account_of
from ordersite.models import User
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE
from projections.accounting.journal import AccountingEntry, AccountingOrder
from projections.staff import admin
from projections.staff.orders import StaffOrder
from tests.support.accounts import deposit
from tests.support.admin import ORDERS, placed, text
from tests.support.statements import sent

LogIn = Callable[..., Client]


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat a list with more than two rows as long."""
    monkeypatch.setattr(large_lists, "COUNT_UP_TO", 2)
    monkeypatch.setattr(admin, "COUNT_UP_TO", 2)


def three_orders() -> list[Any]:
    """Return three orders, oldest first. The newest has the customer whose name is first."""
    keys = [placed() for _ in range(3)]
    for year, (key, name) in enumerate(zip(keys, ("Zoe", "Moe", "Abe"), strict=True), start=2029):
        at = datetime(year, 3, 31, 12, tzinfo=UTC)
        StaffOrder.objects.filter(pk=key).update(customer_name=name, placed_at=at, search=f"{name} uk".lower())
    return keys


def shown(page: str, keys: list[Any]) -> list[Any]:
    return sorted((key for key in keys if str(key) in page), key=lambda key: page.index(str(key)))


def test_a_short_list_is_sorted_by_any_column(log_in: LogIn) -> None:
    staff, keys = log_in(BACK_OFFICE), three_orders()
    assert shown(text(staff.get(f"{ORDERS}?o=6")), keys) == keys[::-1], "by name"
    assert shown(text(staff.get(f"{ORDERS}?o=-6")), keys) == keys


def test_a_long_list_is_sorted_by_what_an_index_answers_alone(log_in: LogIn, long: None) -> None:
    staff, keys = log_in(BACK_OFFICE), three_orders()
    page = text(staff.get(f"{ORDERS}?o=-6"))
    assert shown(page, keys) == keys[::-1], "the newest first, as if nothing was asked"
    assert "More than 2 rows are sorted by placed at or total or order id only" in page
    page = text(staff.get(f"{ORDERS}?o=9"))
    assert (shown(page, keys), "are sorted by" in page) == (keys, False)
    assert shown(text(staff.get(f"{ORDERS}?o=-6&q=zoe")), keys) == keys[:1], "what is found of it is short"


def test_a_long_list_is_not_paged_to_its_end(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    staff, keys = log_in(BACK_OFFICE), three_orders()
    monkeypatch.setattr(admin.StaffOrderAdmin, "list_per_page", 1)
    monkeypatch.setattr(large_lists, "COUNT_UP_TO", 2)
    assert shown(text(staff.get(f"{ORDERS}?p=2")), keys) == [keys[1]]
    assert shown(text(staff.get(f"{ORDERS}?p=3")), keys) == [keys[1]], "a later page is the last one"


@pytest.mark.usefixtures("long")
def test_what_is_too_short_for_the_index_is_looked_for_in_the_newest_orders(log_in: LogIn) -> None:
    staff, keys = log_in(BACK_OFFICE), three_orders()
    page = text(staff.get(f"{ORDERS}?q=uk"))
    assert shown(page, keys) == keys[:0:-1]
    assert "A search for less than three letters covers only the newest 2 orders" in page
    page = text(staff.get(f"{ORDERS}?q=zoe+uk"))
    assert (shown(page, keys), "Less than" in page) == (keys[:1], False)


def test_every_year_month_and_day_from_the_first_row_to_the_last_is_offered_and_none_is_looked_for(
    log_in: LogIn,
) -> None:
    staff, _ = log_in(BACK_OFFICE), three_orders()
    with sent() as statements:
        page = text(staff.get(ORDERS))
    assert [year for year in range(2020, 2040) if f"placed_at__year={year}" in page] == [2029, 2030, 2031]
    assert not [each for each in statements if "DISTINCT" in each and "stafforder" in each]
    StaffOrder.objects.filter(placed_at__year=2029).update(placed_at=datetime(2030, 1, 29, tzinfo=UTC))
    page = text(staff.get(f"{ORDERS}?placed_at__year=2030"))
    assert [month for month in range(1, 13) if f"placed_at__month={month}&" in f"{page}&".replace('"', "&")] == [
        1,
        2,
        3,
    ]
    page = text(staff.get(f"{ORDERS}?placed_at__year=2030&placed_at__month=1"))
    assert "29 January" in page
    assert "30 January" not in page


def test_a_list_of_days_offers_them_too(log_in: LogIn) -> None:
    accountant, key = log_in(ACCOUNTANTS), placed()
    day = AccountingEntry.objects.get(order_id=key).day
    page = text(accountant.get("/admin/projections/accountingentry/"))
    assert f"{day.day} {day:%B}" in page
    AccountingEntry.objects.all().delete()
    assert f"{day.day} {day:%B}" not in text(accountant.get("/admin/projections/accountingentry/"))


def test_accountants_find_by_whole_ids_and_whole_references(log_in: LogIn) -> None:
    accountant, keys = log_in(ACCOUNTANTS), [placed(), placed()]
    AccountingOrder.objects.filter(pk=keys[0]).update(reference="W-77")
    AccountingEntry.objects.filter(order_id=keys[0]).update(reference="W-77")
    for model in ("accountingentry", "accountingorder"):
        for query, found in ((keys[0], 1), ("w-77", 1), ("W-7", 0), (new_id(), 0), ("", 2)):
            page = accountant.get(f"/admin/projections/{model}/", {"q": str(query)})
            assert len(page.context["cl"].result_list) == found, (model, query)


def test_accountants_find_accounts_and_their_movements(log_in: LogIn, api: APIClient, ada: User) -> None:
    accountant, customer_id = log_in(ACCOUNTANTS), ada.customer_id
    assert customer_id
    deposit(api, reference="pay_7")
    for model, queries in (
        ("accountmoney", {customer_id: 1, account_of(customer_id, "GBP"): 1, new_id(): 0, "pay_7": 0}),
        ("accountmoneyentry", {customer_id: 1, account_of(customer_id, "GBP"): 1, new_id(): 0, "PAY_7": 1}),
    ):
        for query, found in queries.items():
            page = accountant.get(f"/admin/projections/{model}/", {"q": str(query)})
            assert len(page.context["cl"].result_list) == found, (model, query)
