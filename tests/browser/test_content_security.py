"""The pages of the site work under their Content-Security-Policy, and a script that was smuggled in does not run."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import PATH, browser
from tests.support.running import Running

if PATH is None:
    pytest.skip("no Chromium on the PATH (CHROMIUM names one): browser tests are skipped", allow_module_level=True)
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]
SCRIPT = "<script>window.smuggled = 1</script><img src=x onerror='window.smuggled = 1'>"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium: Browser, running: Running) -> Iterator[Page]:
    """A page on which the operator of the demo shop is logged in; it may see most lists."""
    context = chromium.new_context(base_url=running.site)
    opened = context.new_page()
    opened.goto("/admin/")
    login = running.logins()["logins"]["staff"]
    opened.get_by_label("Username").fill(login["username"])
    opened.get_by_label("Password").fill(login["password"])
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#nav-sidebar-apps")
    yield opened
    context.close()


def watch(page: Page) -> list[str]:
    """Return the list to which each violation of the policy is added."""
    found: list[str] = []
    page.on(
        "console", lambda message: found.append(message.text) if "Content Security Policy" in message.text else None
    )
    return found


def test_no_page_breaks_the_policy(page: Page) -> None:
    found = watch(page)
    links: list[str] = page.locator("#nav-sidebar-apps a").evaluate_all("links => links.map(link => link.href)")
    assert len(links) > 10
    order = "/admin/projections/stafforder/"
    for address in [
        *links,
        "/admin/second-factor/",
        "/admin/second-factor/app/",
        "/admin/password_change/",
        "/admin/login/",
    ]:
        page.goto(address)
    page.goto(order)
    page.locator("#result_list a[href*='/change/'], #result_list th a").first.click()
    page.wait_for_load_state("networkidle")
    page.goto("/api/v1/docs")
    page.wait_for_selector(".opblock")
    page.goto("/admin/there-is-nothing/")
    assert found == []


@pytest.mark.parametrize("address", ["/admin/", "/api/v1/docs"])
def test_a_smuggled_script_does_not_run(page: Page, address: str) -> None:
    """The answer of the site is given back to the browser with a script in it, as a hole in a page would do."""

    def smuggle(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]  # of Playwright
        route.fulfill(response=answer, body=answer.text().replace("</body>", f"{SCRIPT}</body>"))  # type: ignore[attr-defined]

    page.route(f"**{address}", smuggle)
    found = watch(page)
    page.goto(address)
    page.wait_for_load_state("load")
    assert page.evaluate("window.smuggled") is None
    assert found, "the browser says what it refused"
