"""The site below a path of its host, in a real browser and link by link."""

import re
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.chromium import PATH, browser, record_problems
from tests.support.deployment import Deployed
from tests.support.pooler import needs_pgbouncer

if PATH is None:
    pytest.skip("no Chromium on the PATH (CHROMIUM names one): browser tests are skipped", allow_module_level=True)
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack"), needs_pgbouncer]

LINK = re.compile(r'(href|src|action)="(/[^"#]*)')
NOT_FOLLOWED = ("/logout/", "/static/", "/i18n/")


def test_staff_log_in_and_work_below_the_path(deployed: Deployed) -> None:
    errors: list[str] = []
    login = deployed.running.logins()["logins"]["staff"]
    with browser() as chromium:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        record_problems(page, errors)
        page.goto(f"{deployed.running.site}/shop/admin/")
        page.fill("input[name=username]", login["username"])
        page.fill("input[name=password]", login["password"])
        page.click("button[type=submit]")
        page.click("a[href='/shop/admin/projections/stafforder/']")
        page.locator("a[href*='/change/']").first.click()
        expect(page.locator("[data-version]").first).to_be_attached()
        assert urlsplit(page.url).path.startswith("/shop/admin/projections/stafforder/")
        assert {cookie["path"] for cookie in context.cookies()} == {"/shop"}
        page.goto(f"{deployed.running.site}/shop/api/v1/docs")
        expect(page.get_by_role("option", name="/shop")).to_be_attached()
        context.close()
    assert errors == []


@pytest.mark.parametrize("removed", [False, True], ids=["as it came", "removed by the proxy"])
def test_every_link_of_the_back_office_stays_below_the_path(deployed: Deployed, *, removed: bool) -> None:
    """Log in, then follow each link of the first page, and each link of the pages behind it that is not a row."""
    site = deployed.running.site
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPCookieProcessor(_SamePath()))

    def fetch(path: str, form: dict[str, str] | None = None) -> str:
        sent = path.removeprefix("/shop") if removed else path
        data = urlencode(form).encode() if form else None
        try:
            with opener.open(urllib.request.Request(site + sent, data, {"Referer": site + path})) as answer:
                return str(answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            location = urlsplit(error.headers["Location"] or "").path
            if error.code != 302 or not location.startswith("/shop/"):
                raise AssertionError(f"{path}: {error.code} {location}") from error
            return fetch(location) if not form else ""

    page = fetch("/shop/admin/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    login = deployed.running.logins()["logins"]["staff"]
    fetch("/shop/admin/login/", {"csrfmiddlewaretoken": token[1], **login, "next": "/shop/admin/"})
    seen: set[str] = set()
    for first in links(fetch("/shop/admin/")):
        seen.add(first)
        below = links(fetch(first))
        for link in [each for each in below if each not in seen][:5]:
            seen.add(link)
            fetch(link)
    assert len(seen) > 20
    assert [link for link in seen if not link.startswith("/shop/")] == []


def links(page: str) -> list[str]:
    """Return the links of a page to other pages, and check that everything it names stays below the path."""
    found = dict.fromkeys((kind, link.replace("&amp;", "&")) for kind, link in LINK.findall(page))
    here = [(kind, link) for kind, link in found if not link.startswith("//")]
    assert [link for _, link in here if not link.startswith("/shop")] == []
    return [link for kind, link in here if kind == "href" and not any(part in link for part in NOT_FOLLOWED)]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Show redirects instead of following them."""

    def redirect_request(self, *arguments: object) -> None:
        """Refuse."""


class _SamePath(CookieJar):
    """Cookies of a browser that sees the path, also where the proxy removes it."""

    def add_cookie_header(self, request: urllib.request.Request) -> None:
        """Send every cookie."""
        request.add_unredirected_header("Cookie", "; ".join(f"{each.name}={each.value}" for each in self))

    def extract_cookies(self, response: object, request: urllib.request.Request) -> None:
        """Keep every cookie, whatever path the request had."""
        for cookie in self.make_cookies(response, request):  # type: ignore[arg-type]
            assert cookie.path == "/shop"
            self.set_cookie(cookie)
