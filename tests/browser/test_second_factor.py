"""The second factor in a real browser: a passkey of a virtual authenticator, an app's code, a recovery code.

Browsers take passkeys for names of hosts only, so these tests open the site at `localhost`.
"""

import re
from base64 import b32decode
from collections.abc import Iterator
from typing import Any

import pytest
from django_otp.oath import totp
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.support.chromium import PATH, browser, record_problems
from tests.support.running import Running

if PATH is None:
    pytest.skip("no Chromium on the PATH (CHROMIUM names one): browser tests are skipped", allow_module_level=True)
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]

PASSWORD = "many-brass-lanterns"
FACTOR, USERS = "/admin/second-factor/", "/admin/ordersite/user/"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def anna(running: Running) -> str:
    """The name of a new person of staff."""
    name = f"anna-{running.port}"
    running.manage(
        "shell",
        "-c",
        "from ordersite.models import User; from ordersite.logins.second_factor import reset;"
        f"user, _ = User.objects.get_or_create(username='{name}', defaults={{'is_staff': True, 'is_superuser': True}});"
        f"user.set_password('{PASSWORD}'); user.save(); reset(user)",
    )
    return name


class Desk:
    """A browser with a device for passkeys, and what went wrong in it."""

    def __init__(self, chromium: Browser, site: str, **options: Any) -> None:
        self.context = chromium.new_context(base_url=site, **options)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        record_problems(self.page, self.problems)
        self.page.on("console", lambda message: self._note(message.text))
        self.devtools: CDPSession = self.context.new_cdp_session(self.page)
        self.devtools.send("WebAuthn.enable")
        added = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.device: str = added["authenticatorId"]

    def _note(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.problems.append(text)

    def passkeys(self) -> int:
        """Return how many passkeys the device holds."""
        return len(self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.device})["credentials"])

    def enter(self, name: str, page: str) -> Page:
        """Open a page, and give name and password on the way."""
        self.page.goto(f"/admin/login/?next={page}")
        self.page.locator("[name=username]").fill(name)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/login/" not in url)
        return self.page

    def leave(self) -> None:
        """Forget the session and known devices, as another day in another place would."""
        self.context.clear_cookies()


@pytest.fixture
def desk(chromium: Browser, running: Running) -> Iterator[Desk]:
    opened = Desk(chromium, running.site.replace("127.0.0.1", "localhost"))
    yield opened
    opened.context.close()


def test_a_passkey_is_set_up_and_logs_in(desk: Desk, anna: str) -> None:
    page = desk.enter(anna, FACTOR)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("Your passkey is set up")).to_be_visible()
    expect(page.locator(".factors li")).to_have_count(1)
    assert desk.passkeys() == 1
    page.goto(USERS)
    expect(page.locator("#result_list")).to_be_visible()

    desk.leave()
    page = desk.enter(anna, USERS)
    assert "/second-factor/check/" in page.url
    page.goto(USERS)
    assert "/second-factor/check/" in page.url, "the password alone opens nothing"
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("#result_list")).to_be_visible()
    assert page.url.endswith(USERS)
    assert desk.problems == []


def test_the_passkey_of_another_device_does_not(desk: Desk, chromium: Browser, running: Running, anna: str) -> None:
    page = desk.enter(anna, FACTOR)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(".factors li")).to_have_count(1)
    other = Desk(chromium, running.site.replace("127.0.0.1", "localhost"))
    try:
        page = other.enter(anna, USERS)
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.locator("#passkey-verification-status-message")).not_to_be_empty()
        expect(page.get_by_role("button", name="Use a passkey")).to_be_enabled()
        page.goto(USERS)
        assert "/second-factor/check/" in page.url
    finally:
        other.context.close()


def test_an_app_and_then_a_recovery_code_log_in(desk: Desk, anna: str) -> None:
    page = desk.enter(anna, FACTOR)
    page.get_by_role("link", name="Set up an app").click()
    key = page.locator("code.key").inner_text()
    page.get_by_label("Type the code").fill(code_of(key))
    page.keyboard.press("Enter")
    expect(page.locator(".codes code")).to_have_count(10)
    recovery = page.locator(".codes code").first.inner_text()
    page.get_by_role("link", name="go on").click()
    page.goto(FACTOR)
    expect(page.get_by_text("10 recovery codes left.")).to_be_visible()

    desk.leave()
    page = desk.enter(anna, USERS)
    field = page.get_by_label("The code that your app shows")
    expect(field).to_be_visible()
    # Chromium calls a field of a window behind another one inactive, which is no matter of the page.
    assert page.evaluate("() => document.activeElement.name") == "code"
    field.fill(code_of(key, later=1))  # a code counts once: the next one is accepted early
    page.keyboard.press("Enter")
    expect(page.locator("#result_list")).to_be_visible()

    desk.leave()
    page = desk.enter(anna, USERS)
    page.get_by_label("The code that your app shows").fill(recovery)
    page.keyboard.press("Enter")
    expect(page.locator("#result_list")).to_be_visible()
    page.goto(FACTOR)
    expect(page.get_by_text("9 recovery codes left.")).to_be_visible()
    assert desk.problems == []


def code_of(key: str, later: int = 0) -> str:
    """Return the code that an app with this key shows, or the one that it shows `later` times 30 seconds from now."""
    return f"{totp(b32decode(key), drift=later):06d}"


def test_at_a_number_the_page_says_where_passkeys_work(chromium: Browser, running: Running, anna: str) -> None:
    desk = Desk(chromium, running.site)
    try:
        page = desk.enter(anna, FACTOR)
        expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)
        page.get_by_role("link", name="Open this page at localhost").click()
        expect(page).to_have_url(re.compile("^http://localhost"))
    finally:
        desk.context.close()


def test_the_pages_are_in_russian_for_a_russian_browser(chromium: Browser, running: Running, anna: str) -> None:
    desk = Desk(chromium, running.site.replace("127.0.0.1", "localhost"), locale="ru-RU")
    try:
        page = desk.enter(anna, FACTOR)
        page.get_by_role("button", name="Добавить ключ доступа").click()
        expect(page.get_by_text("Ключ доступа настроен")).to_be_visible()
        desk.leave()
        page = desk.enter(anna, USERS)
        page.get_by_role("button", name="Ключ доступа").click()
        expect(page.locator("#result_list")).to_be_visible()
        assert desk.problems == []
    finally:
        desk.context.close()
