"""The links and forms of a list keep its filters, and say what they show."""

import re
from html import unescape

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from ordersite.models import User
from ordersite.roles import BACK_OFFICE
from projections.staff.admin import StaffOrderAdmin
from projections.staff.orders import StaffOrder
from tests.support.admin import ORDERS, LogIn, placed, text

pytestmark = pytest.mark.django_db(transaction=True)
OPEN = {"status__exact": "open"}


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of the list has two rows."""
    monkeypatch.setattr(StaffOrderAdmin, "list_per_page", 2)


def link(page: str, words: str) -> str | None:
    """Return the address of the link with these words, if the page has one."""
    found = re.search(rf'<a[^>]* href="([^"]*)"[^>]*>\s*{words}', page)
    return unescape(found[1]) if found else None


def test_show_all_shows_all_rows_of_the_filter(log_in: LogIn, short_pages: None) -> None:
    staff = log_in(BACK_OFFICE)
    for _ in range(3):
        placed()
    page = text(staff.get(ORDERS, {**OPEN, "o": "-9"}))
    address = link(page, "Show all") or ""
    assert "status__exact=open" in address
    assert "o=-9" in address
    everything = text(staff.get(ORDERS + address))
    assert everything.count('class="data-row') == 3
    assert link(everything, "Show all") is None


def test_a_list_that_shows_everything_offers_neither_to_show_all_nor_to_clear(log_in: LogIn) -> None:
    placed()
    page = text(log_in(BACK_OFFICE).get(ORDERS))
    assert (link(page, "Show all"), link(page, "Clear the filters")) == (None, None)


def test_the_filters_are_cleared_by_their_own_link_which_keeps_the_order(log_in: LogIn) -> None:
    placed()
    page = text(log_in(BACK_OFFICE).get(ORDERS, {**OPEN, "o": "-9", "q": "mug"}))
    assert link(page, "Clear the filters") == "?o=-9"


def test_a_filter_that_leaves_fewer_pages_shows_the_last_of_them(log_in: LogIn, short_pages: None) -> None:
    staff = log_in(BACK_OFFICE)
    for _ in range(3):
        placed()
    page = text(staff.get(ORDERS, {**OPEN, "p": "7"}))
    assert page.count('class="data-row') == 1
    assert 'name="p"' not in page, "the form of the filters starts at the first page"


def test_the_label_of_a_row_names_the_row_and_cannot_hold_html(log_in: LogIn) -> None:
    placed()
    page = text(log_in(BACK_OFFICE).get(ORDERS))
    assert f'data-label="Select {StaffOrder.objects.get()}"' in page
    assert "Select record" not in page
    root = log_in(username="root")
    User.objects.filter(username="root").update(is_superuser=True)
    Group.objects.create(name='"><b>bold')
    groups = text(root.get("/admin/auth/group/"))
    assert 'data-label="Select &quot;&gt;&lt;b&gt;bold"' in groups


@pytest.mark.parametrize("model", site._registry, ids=lambda model: model.__name__)
def test_every_field_of_a_list_has_a_label(admin_client: Client, model: type[Model]) -> None:
    page = text(admin_client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")))
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
    fields = re.findall(r'<(?:input type="(?:text|number|date|search)"|select)[^>]*>', page)
    named = [each for each in fields if "aria-label" in each or labelled & set(re.findall(r' id="([^"]+)"', each))]
    assert named == fields
    assert ("searchbar" in labelled) == ('id="searchbar"' in page), "a list without a search has no label of it"
