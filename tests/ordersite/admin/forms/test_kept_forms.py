"""A form that arrives after its login has ended is kept for the person who typed it, and for nobody else."""

import re
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from eventstore import store
from ordersite.admin.forms.kept_forms import MOST, SECONDS
from ordersite.models import User
from ordersite.roles import BACK_OFFICE, OPERATORS
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.engine.projection import PROJECTIONS
from tests.support.admin import ORDERS, LogIn, placed, text
from tests.support.admin_forms import NEW, assert_holds, hidden

ADD_NOTE = "/admin/projections/stafforder/command/add_note/"
TYPED = {"text": "She rang & asked for a “gift” card", "visible": "on"}


def opened(client: Client, *ids: UUID) -> dict[str, Any]:
    """Open the form and return its hidden fields."""
    return hidden(text(client.get(ADD_NOTE, {"order": list(map(str, ids))})))


def log_in_again(client: Client, where: str, username: str = "anna") -> Any:
    """Log in by the form that the redirect led to, as the browser does."""
    (action,) = re.findall(r'<form action="([^"]*)" method="post" id="login-form"', text(client.get(where)))
    user = User.objects.get(username=username)
    user.set_password("a long enough password")
    user.save()
    filled = {"username": username, "password": "a long enough password"}
    return client.post(unescape(action), filled, follow=True)


def test_after_the_log_in_the_person_is_back_in_the_form_with_what_was_typed(log_in: LogIn) -> None:
    staff, order_id = log_in(BACK_OFFICE), placed()
    form = opened(staff, order_id)
    Session.objects.all().delete()
    answer = staff.post(ADD_NOTE, form | TYPED)
    assert answer.status_code == 302
    page = text(log_in_again(staff, answer["Location"]))
    assert "This was not sent, because your login had ended." in page
    assert_holds(page.replace("&amp;", "&"), TYPED)
    assert len(store.read_stream(order_id)) == 1, "nothing was sent without the person"
    kept = hidden(page)
    assert (kept["order"], kept["seen"], kept["form_id"]) == ([str(order_id)], ["1"], form["form_id"])
    done = text(staff.post(ADD_NOTE, kept | TYPED, follow=True))
    assert "Note for the customer: She rang" in done
    assert store.read_stream(order_id)[-1].metadata.actor == "staff:anna"
    assert "kept_forms" not in staff.session or staff.session["kept_forms"] == {}, "it is needed no more"


def test_a_new_order_is_kept_with_its_lines(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    form = hidden(text(staff.get(f"{ORDERS}place/")))
    staff.logout()
    page = text(log_in_again(staff, staff.post(f"{ORDERS}place/", form | NEW)["Location"]))
    assert_holds(page, NEW)


def test_a_form_for_several_orders_comes_back_for_all_of_them(log_in: LogIn) -> None:
    staff, ids = log_in(BACK_OFFICE), [placed(), placed()]
    form = opened(staff, *ids)
    staff.logout()
    page = text(log_in_again(staff, staff.post(ADD_NOTE, form | TYPED)["Location"]))
    assert sorted(hidden(page)["order"]) == sorted(map(str, ids))


def test_another_person_who_logs_in_there_sees_nothing_of_it(log_in: LogIn) -> None:
    anna, order_id = log_in(BACK_OFFICE), placed()
    log_in(BACK_OFFICE, username="ben")
    form = opened(anna, order_id)
    anna.logout()
    answer = anna.post(ADD_NOTE, form | TYPED)
    page = text(log_in_again(anna, answer["Location"], username="ben"))
    assert "is no longer kept for you" in page
    assert "She rang" not in page
    assert not anna.session.get("kept_forms"), "and it is gone"


def test_a_form_that_another_person_opened_is_not_sent_in_my_name(log_in: LogIn) -> None:
    anna, order_id = log_in(BACK_OFFICE), placed()
    form = opened(anna, order_id)
    page = text(log_in(BACK_OFFICE, username="ben").post(ADD_NOTE, form | TYPED, follow=True))
    assert "Another person had opened that form, so nothing was sent." in page
    assert len(store.read_stream(order_id)) == 1


def test_a_form_with_a_csrf_token_of_before_the_log_in_is_shown_again(log_in: LogIn) -> None:
    log_in(BACK_OFFICE)
    strict, order_id = Client(enforce_csrf_checks=True), placed()
    strict.force_login(User.objects.get(username="anna"))
    form = opened(strict, order_id)
    page = text(strict.post(ADD_NOTE, form | TYPED | {"csrfmiddlewaretoken": "x" * 32}, follow=True))
    assert "This was not sent" in page
    assert_holds(page.replace("&amp;", "&"), TYPED)
    assert len(store.read_stream(order_id)) == 1


@pytest.mark.parametrize("owner", [None, "", "1", "1:abc:def"])
def test_a_form_that_this_site_did_not_make_is_not_kept(log_in: LogIn, owner: str | None) -> None:
    order_id = placed()
    stranger = Client()
    forged = {"form_id": str(uuid4()), "order": str(order_id)} | TYPED
    answer = stranger.post(ADD_NOTE, forged if owner is None else forged | {"form_owner": owner})
    assert answer.status_code == 302
    assert "kept" not in answer["Location"]
    assert not Session.objects.exists()
    assert Client(enforce_csrf_checks=True).post(ADD_NOTE, forged).status_code == 403


def test_a_form_that_was_opened_long_ago_leads_to_the_list_and_not_to_nothing(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    page = text(staff.get(ADD_NOTE, follow=True))
    assert "Add a note: choose the orders first." in page


def test_forms_are_kept_for_a_day_and_the_oldest_makes_room(log_in: LogIn) -> None:
    staff, order_id = log_in(BACK_OFFICE), placed()
    form = opened(staff, order_id)
    staff.logout()
    places = [staff.post(ADD_NOTE, form | TYPED | {"form_id": str(uuid4())})["Location"] for _ in range(MOST + 1)]
    assert len(staff.session["kept_forms"]) == MOST
    log_in_again(staff, places[-1])
    session = staff.session
    for kept in session["kept_forms"].values():
        kept["at"] -= SECONDS + 1
    session.save()
    key = places[-1].rpartition("%3D")[2]
    assert "is no longer kept for you" in text(staff.get(ADD_NOTE, {"kept": key}, follow=True))


def parked_event() -> ParkedEvent:
    return ParkedEvent.objects.create(
        projection="staff",
        space=LIVE,
        position=7,
        event_type="order.created",
        aggregate_id=uuid4(),
        parked_at=timezone.now(),
        error="ValueError: no",
    )


PARKED = "/admin/projections/parkedevent/"
STATES = "/admin/projections/checkpoint/"


@pytest.mark.parametrize("typed", [{"reason": "A test order & nothing else"}, {"reason": ""}])
def test_the_reason_for_leaving_an_event_out_is_kept(log_in: LogIn, typed: dict[str, str]) -> None:
    staff, parked = log_in(OPERATORS), parked_event()
    action = {"action": "leave_out", "_selected_action": parked.pk}
    form = hidden(text(staff.post(PARKED, action)))
    Session.objects.all().delete()
    page = text(log_in_again(staff, staff.post(PARKED, form | typed)["Location"]))
    assert "Leave out 1 parked event" in page
    assert typed["reason"] in unescape(page)
    assert ParkedEvent.objects.filter(pk=parked.pk).exists(), "nothing was done without the person"
    ParkedEvent.objects.all().delete()
    staff.logout()
    page = text(log_in_again(staff, staff.post(PARKED, form | typed)["Location"]))
    assert "Leave out 1" not in page, "it is not parked any more: the list"


def test_the_moment_of_a_past_read_model_is_kept(log_in: LogIn) -> None:
    staff = log_in(OPERATORS)
    placed()
    catch_up(PROJECTIONS["feed"])
    checkpoint = Checkpoint.objects.get(projection="feed", space=LIVE)
    form = hidden(text(staff.post(STATES, {"action": "as_it_stood", "_selected_action": checkpoint.pk})))
    Session.objects.all().delete()
    page = text(log_in_again(staff, staff.post(STATES, form | {"as_of": "2011-03-31T23:59:59"})["Location"]))
    assert "As it stood: feed" in page
    assert 'value="2011-03-31T23:59:59"' in page


def test_a_kept_action_that_the_person_may_not_do_shows_the_list(log_in: LogIn) -> None:
    staff, parked = log_in(OPERATORS), parked_event()
    form = hidden(text(staff.post(PARKED, {"action": "leave_out", "_selected_action": parked.pk})))
    Session.objects.all().delete()
    Group.objects.get(name=OPERATORS).permissions.remove(*Permission.objects.filter(codename="operate"))
    page = text(log_in_again(staff, staff.post(PARKED, form | {"reason": "x"})["Location"]))
    assert "Leave out 1" not in page
