"""No parameter of a list, and no id in a path of the admin, is answered with an error of the server.

The lists and their parameters are taken from the registered admins, so a new list is walked too.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.contrib.admin.views import main
from django.test import Client
from django.urls import reverse

from eventstore.models import Event
from ordersite.models import User
from ordersite.roles import BACK_OFFICE
from tests.support.admin import placed, submit
from tests.support.pages import patterns

pytestmark = pytest.mark.django_db(transaction=True)

NUMBERS = ["9999", "99999", "-1", "9" * 19, "9" * 5_005, "0" * 30 + "1", "1e400", "NaN"]
DATES = ["0001-01-01", "9999-12-31", "2031-02-30", "01/01/0001", "31/12/9999"]
TEXTS = ["%00", "", "[]", "x" * 2_000, "%ED%A0%80", "%D9%A3"]
"""Encoded as in a URL: NUL, half a surrogate pair, the digit three in Arabic, and others."""
ALL_LISTS = [admin for admin in site._registry.values() if admin.opts.app_label != "contenttypes"]


@pytest.fixture
def root(transactional_db: None) -> Client:
    """A browser that may see everything, and sees the answer for an error instead of its traceback."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root", password="secret-1"))
    return client


def queries(admin: Any, page: Any) -> Iterator[str]:
    """Yield the queries of a list with one hostile value each."""
    for name in (main.ALL_VAR, main.ORDER_VAR, main.PAGE_VAR, main.SEARCH_VAR, main.ERROR_FLAG, *OTHERS):
        yield from (f"{name}={value}" for value in ("9" * 5_005, "-1", "99999999999999999999", *TEXTS))
    for spec in page.context["cl"].filter_specs:
        for name in spec.expected_parameters():
            yield from (f"{name}={value}" for value in (*NUMBERS, *DATES, *TEXTS))
            yield f"{name}=1&{name}=2"
    for field in admin.model._meta.concrete_fields:
        yield from (
            f"{field.attname}__{lookup}=%00" for lookup in ("exact", "gte", "in", "isnull", "year", "icontains")
        )
        yield from (f"{field.attname}{lookup}={'9' * 30}" for lookup in ("", "__in", "__year"))
    if admin.date_hierarchy:
        yield from _dates(admin.date_hierarchy)


OTHERS = ("_facets", "_popup", "_to_field", "_changelist_filters", "unknown")


def _dates(field: str) -> Iterator[str]:
    """Yield queries of a date hierarchy, and of the lookups that Django allows with it."""
    for lookup in ("year", "month", "gte"):
        yield from (f"{field}__{lookup}={value}" for value in (*NUMBERS, *DATES, *TEXTS))
    for year, month, day in ((1, 1, 1), (9999, 12, 31), (2031, 13, 1), (2031, 2, 30), (0, 0, 0), (9998, 12, 31)):
        yield f"{field}__year={year}&{field}__month={month}"
        yield f"{field}__year={year}&{field}__month={month}&{field}__day={day}"
        yield f"{field}__month={month}&{field}__day={day}"


@pytest.mark.parametrize("admin", ALL_LISTS, ids=lambda admin: admin.opts.label_lower)
def test_no_value_of_a_parameter_breaks_a_list(admin: Any, root: Client) -> None:
    address = reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_changelist")
    page = root.get(address)
    assert page.status_code == 200
    broken = [query[:60] for query in queries(admin, page) if root.get(f"{address}?{query}").status_code >= 500]
    assert not broken, broken


@pytest.mark.parametrize("admin", ALL_LISTS, ids=lambda admin: admin.opts.label_lower)
def test_no_chosen_row_breaks_an_action(admin: Any, root: Client) -> None:
    address = reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_changelist")
    actions = re.findall(r'<option value="(\w+)"', root.get(address).content.decode())
    named = {*(each if isinstance(each, str) else each.__name__ for each in admin.actions or ()), *actions}
    broken = [
        f"{action} {key[:40]!r}"
        for action in sorted(named)
        for key in ("x", "\0", "a\0b", "9" * 30, "9" * 5_005, "-1", "1e400", "\ufffd", "0001-01-01", "", "x" * 2_000)
        if root.post(address, {"action": action, "_selected_action": [key, "1"]}).status_code >= 500
    ]
    assert not broken, broken


def test_no_id_in_a_path_breaks_a_page(root: Client) -> None:
    broken = []
    for name, pattern in patterns(site.urls[0]):
        parts = set(pattern.pattern.regex.groupindex) - {"app_label"}
        placeholders = dict.fromkeys(parts, "00000000-0000-0000-0000-00000000abcd")
        if "content_type_id" in placeholders:
            placeholders["content_type_id"] = "987654321"
        template = reverse(f"admin:{name}", kwargs=placeholders) if name != "app_list" else ""
        for placeholder in set(placeholders.values()):
            for value in (*NUMBERS, *TEXTS):
                address = template.replace(placeholder, value or "-", 1)
                if root.get(address, follow=True).status_code >= 500:
                    broken.append(f"{name} {value[:40]}")
    assert not broken, broken


def test_no_parameter_breaks_a_page_of_a_row(root: Client) -> None:
    """Histories have pages too, and a form may come without its fields, also from a stranger."""
    key, broken = placed(), []
    for name, pattern in patterns(site.urls[0]):
        parts = set(pattern.pattern.regex.groupindex)
        if "content_type_id" in parts or name == "logout":
            continue
        row = Event.objects.first() if "event_" in name else User.objects.get(username="root")
        known = {"app_label": "projections", "url": "nowhere", "name": "ship_lines"}
        arguments = {part: known.get(part, str(key) if "order" in name else str(row and row.pk)) for part in parts}
        address = reverse(f"admin:{name}", kwargs=arguments)
        queries = (f"{main.PAGE_VAR}={value}" for value in ("9" * 19, "9" * 5_005, "-1", "%D9%A3", "%00"))
        broken += [f"{name} {query[:40]}" for query in queries if root.get(f"{address}?{query}").status_code >= 500]
        stranger = Client(raise_request_exception=False)
        sent = [(client, data) for client in (root, stranger) for data in ({}, {"action": "x"})]
        broken += [f"{name} {data}" for client, data in sent if client.post(address, data).status_code >= 500]
    assert not broken, broken


@pytest.mark.parametrize("seen", ["9" * 5_005, "-1", "x", "1.5", str(2**31)])
def test_a_form_that_names_no_version_that_can_be_is_refused_and_nothing_is_sent(log_in: Any, seen: str) -> None:
    staff, key = log_in(BACK_OFFICE), placed()
    answer = submit(staff, "cancel", [key], reason="Changed their mind", seen=seen)
    assert answer.status_code < 500
    assert Event.objects.filter(aggregate_id=key).count() == 1
