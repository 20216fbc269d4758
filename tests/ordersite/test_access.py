"""Who is let in: limits by identity, withdrawn access, names that the shop gives, and known devices."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from eventstore.dispatch import Context
from eventstore.ids import new_id
from ordersite import service_accounts
from ordersite.customers.erasure import erase
from ordersite.models import User
from ordersite.names import ReservedName, is_reserved
from ordersite.roles import BACK_OFFICE
from tests.support.api import ORDERS, problem
from tests.support.back_office import staff_client
from tests.support.site import client_of, make_customer

LOGIN, REGISTER = "/api/v1/auth/login", "/api/v1/auth/register"
OFFICE = "/api/v1/back-office"

pytestmark = pytest.mark.django_db


@pytest.fixture
def rates(settings: Any) -> Any:
    settings.API_RATE_USER, settings.API_RATE_ADDRESS, settings.LOGIN_RATE = "5/min", "100/min", "4/min"
    return settings


# --- limits by identity -----------------------------------------------------------------------------------------------


def test_another_spelling_of_the_header_is_the_same_user(ada: User, rates: Any) -> None:
    token = AuthToken.objects.create(ada)[1]
    headers = [f"Bearer {' ' * number}{token}" for number in range(4)]
    headers += [f"Token {token}", f" bearer {token} ", f"BEARER {token}\t", f"tOKEN  {token}", f"Bearer {token} "]
    codes = [APIClient(HTTP_AUTHORIZATION=each).get(ORDERS).status_code for each in headers]
    assert codes == [200] * 5 + [429] * 4


@pytest.mark.parametrize(
    "header", ["Bearer a b", "Bearer", "Basic abc", "Bearer\tabc", "Bearer a, Bearer b", "nonsense"]
)
def test_a_header_without_a_token_is_counted_by_address(rates: Any, header: str) -> None:
    rates.API_RATE_ADDRESS = "2/min"
    codes = [APIClient(HTTP_AUTHORIZATION=header + " " * number).get(ORDERS).status_code for number in range(3)]
    assert codes == [401, 401, 429]


# --- access that is withdrawn -----------------------------------------------------------------------------------------


def disable_password(user: User) -> None:
    """As the admin's form does."""
    form = AdminPasswordChangeForm(user, {"usable_password": "false"})
    assert form.is_valid(), form.errors
    form.save()


def set_password(user: User) -> None:
    user.set_password("another-secret-1")
    user.save()


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()
    user.is_active = True
    user.save()


def dismiss(user: User) -> None:
    user.is_staff = False
    user.save()
    user.is_staff = True
    user.save()


@pytest.mark.parametrize("withdraw", [disable_password, set_password, deactivate, dismiss])
def test_no_token_outlives_access_even_if_it_is_given_back(projecting: None, withdraw: Callable[[User], None]) -> None:
    anna = staff_client()
    assert anna.get(f"{OFFICE}/orders").status_code == 200
    withdraw(User.objects.get(username="anna"))
    problem(anna.get(f"{OFFICE}/orders"), 401, "authentication_failed")
    assert not AuthToken.objects.exists()


def test_a_program_that_is_deactivated_has_no_token_any_more() -> None:
    account = service_accounts.create("erp", ["read_orders"])
    erp = APIClient(HTTP_AUTHORIZATION=f"Bearer {service_accounts.create_token(account)}")
    assert erp.get(f"{OFFICE}/orders").status_code == 200
    deactivate(account)
    problem(erp.get(f"{OFFICE}/orders"), 401, "authentication_failed")


def test_other_changes_end_no_token(ada: User) -> None:
    api = client_of(ada)
    ada.first_name = "Adele"
    ada.save()
    ada.save(update_fields=["last_login"])
    assert api.get(ORDERS).status_code == 200


@pytest.mark.parametrize(
    "changes", [{"is_staff": False}, {"is_staff": False, "is_superuser": True}, {"is_active": False}], ids=str
)
def test_who_is_no_member_of_staff_has_no_back_office_whatever_the_token(
    projecting: None, changes: dict[str, bool]
) -> None:
    anna = staff_client()
    User.objects.filter(username="anna").update(**changes)  # past all signals
    for path in ("orders", "approvals", "events"):
        assert anna.get(f"{OFFICE}/{path}").status_code in (401, 404), path


def test_a_group_that_is_taken_away_counts_at_once(projecting: None) -> None:
    anna = staff_client()
    Group.objects.get(name=BACK_OFFICE).user_set.clear()
    problem(anna.get(f"{OFFICE}/orders"), 404, "not_found")


@pytest.mark.parametrize("withdraw", [disable_password, set_password, deactivate])
def test_sessions_end_too(log_in: Callable[..., Client], withdraw: Callable[[User], None]) -> None:
    anna = log_in(BACK_OFFICE)
    assert anna.get("/admin/").status_code == 200
    user = User.objects.get(username="anna")
    withdraw(user)
    if withdraw is deactivate:
        User.objects.update(is_active=False)
    assert anna.get("/admin/").status_code == 302


@pytest.mark.parametrize("withdraw", [set_password, deactivate, lambda user: user.groups.clear()])
def test_an_open_stream_ends_when_access_is_withdrawn(projecting: None, withdraw: Callable[[User], None]) -> None:
    chunks = iter(staff_client().get(f"{OFFICE}/events/stream").streaming_content)  # type: ignore[attr-defined]
    assert next(chunks).startswith(b"retry:")
    withdraw(User.objects.get(username="anna"))
    assert list(chunks) == []


# --- names that the shop gives ----------------------------------------------------------------------------------------

TAKEN = [
    "erased-1",
    "Erased-1",
    " erased-1",
    "ERASED_1",
    "\uff45rased-1",
    "\u0435rased-1",
    "e\u0301rased-1",
    "erased\u20101",
]


@pytest.mark.parametrize("name", TAKEN, ids=ascii)
def test_no_door_takes_a_name_that_the_shop_gives(name: str) -> None:
    assert is_reserved(name)
    body = {"username": name, "name": "Eve", "email": "eve@example.com", "password": "seven-brass-lanterns"}
    assert APIClient().post(REGISTER, body, format="json").status_code == 400
    with pytest.raises(service_accounts.NameRefused):
        service_accounts.create(name, [])
    with pytest.raises(ReservedName):
        User.objects.create_user(name)
    renamed = User.objects.create_user("eve")
    renamed.username = name
    with pytest.raises(ValidationError):
        renamed.full_clean(exclude=["password"])
    assert not User.objects.exclude(username="eve").exists()


@pytest.mark.parametrize("name", ["account-payments", "Unpaid-Orders", "import_orders", "webhooks"])
def test_no_program_has_the_name_of_a_process(name: str) -> None:
    with pytest.raises(service_accounts.NameRefused, match="the log would mix them up"):
        service_accounts.create(name, ["send_commands"])


def test_an_erasure_finds_a_free_name_if_an_old_account_has_taken_it(ada: User) -> None:
    eve = User.objects.create_user("eve")
    User.objects.filter(pk=eve.pk).update(username=f"erased-{ada.customer_id}")  # from before it was reserved
    erase(ada, Context(actor=f"customer:{ada.customer_id}"))
    ada.refresh_from_db()
    assert ada.username.startswith(f"erased-{ada.customer_id}-")
    assert not ada.is_active


def test_the_address_of_another_person_is_no_name(ada: User) -> None:
    body = {
        "username": "bea@example.com",
        "name": "Eve",
        "email": "eve@example.com",
        "password": "seven-brass-lanterns",
    }
    assert APIClient().post(REGISTER, body, format="json").status_code == 400
    own = {"name": "Bea Stone", "email": "bea@example.com", "password": "seven-brass-lanterns"}
    assert APIClient().post(REGISTER, own, format="json").status_code == 201


def test_a_name_that_looks_like_anothers_is_taken(ada: User) -> None:
    for name in (ada.username.upper(), f"\uff41{ada.username[1:]}"):
        body = {"username": name, "name": "Eve", "email": "eve@example.com", "password": "seven-brass-lanterns"}
        assert APIClient().post(REGISTER, body, format="json").status_code == 400


# --- known devices ----------------------------------------------------------------------------------------------------


def attempt(address: str, name: str = "ada", password: str = "no", client: APIClient | None = None) -> int:
    body = {"username": name, "password": password}
    sent = (client or APIClient()).post(LOGIN, body, format="json", REMOTE_ADDR=address)
    return int(sent.status_code)


def enter(client: Client, password: str = "secret-1", address: str = "192.0.2.1") -> bool:
    """Log in to the admin."""
    answer = client.post("/admin/login/", {"username": "anna", "password": password}, REMOTE_ADDR=address)
    return answer.status_code == 302


def test_one_address_cannot_keep_the_owner_out(rates: Any) -> None:
    make_customer()
    codes = [attempt("192.0.2.66") for _ in range(30)]
    assert (codes[:2], set(codes[2:])) == ([401, 401], {429})
    assert attempt("192.0.2.1", password="secret-1") == 200


def test_a_known_browser_is_let_in_while_the_name_is_attacked(log_in: Callable[..., Client], rates: Any) -> None:
    log_in(BACK_OFFICE)
    known = Client()
    assert enter(known)
    known.post("/admin/logout/")
    for number in range(20):
        enter(Client(), "no", f"198.51.100.{number}")
        enter(Client(), "no", "192.0.2.1")
    assert not enter(Client(), address="203.0.113.1"), "a new device waits"
    assert enter(known), "from the attacked address, too"
    assert enter(known, address="203.0.113.9"), "and from any other"


def test_a_known_browser_has_its_own_limit(log_in: Callable[..., Client], rates: Any) -> None:
    log_in(BACK_OFFICE)
    known = Client()
    assert enter(known)
    assert not any(enter(known, "no") for _ in range(4))
    assert not enter(known)


def test_a_cookie_is_good_for_one_account_and_unchanged_only(log_in: Callable[..., Client], rates: Any) -> None:
    log_in(BACK_OFFICE)
    User.objects.create_user("eve", password="secret-1", is_staff=True)
    eve = Client()
    eve.post("/admin/login/", {"username": "eve", "password": "secret-1"}, REMOTE_ADDR="192.0.2.7")
    (cookie,) = [name for name in eve.cookies if name.startswith("device_")]
    assert (eve.cookies[cookie]["httponly"], eve.cookies[cookie]["samesite"]) == (True, "Lax")
    known = Client()
    enter(known)
    (own,) = [name for name in known.cookies if name.startswith("device_")]
    for number in range(8):
        enter(Client(), "no", f"198.51.100.{number}")
    for value in (eve.cookies[cookie].value, known.cookies[own].value[:-1], "", "x" * 3000):
        forged = Client()
        forged.cookies[own] = value
        assert not enter(forged, address="203.0.113.1"), value


def test_a_program_is_known_by_its_address(rates: Any) -> None:
    make_customer()
    assert attempt("192.0.2.1", password="secret-1") == 200
    for number in range(20):
        attempt(f"198.51.100.{number}")
    assert attempt("203.0.113.1", password="secret-1") == 429
    assert attempt("192.0.2.1", password="secret-1") == 200


def test_many_names_from_one_address_are_still_limited(rates: Any) -> None:
    assert [attempt("192.0.2.66", f"guess-{number}") for number in range(6)] == [401] * 4 + [429] * 2


def test_the_name_of_who_is_logged_in_is_not_used_up_by_others(ada: User, rates: Any) -> None:
    for number in range(20):
        attempt(f"198.51.100.{number}", ada.username)
    wrong = client_of(ada).post("/api/v1/me/erasure", {"password": f"no-{uuid4()}"}, format="json")
    problem(wrong, 403, "wrong_password")


def test_a_registration_uses_up_no_attempt_of_the_name(rates: Any) -> None:
    make_customer()
    for number in range(20):
        body = {"username": "ada", "name": "Eve", "email": f"eve{new_id()}@example.com", "password": "x"}
        APIClient().post(REGISTER, body, format="json", REMOTE_ADDR=f"198.51.100.{number}")
    assert attempt("203.0.113.1", password="secret-1") == 200
