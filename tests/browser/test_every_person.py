"""The back office for everybody: without JavaScript, by keyboard alone, and on a phone."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.chromium import PATH, browser
from tests.support.running import Running

if PATH is None:
    pytest.skip("no Chromium on the PATH (CHROMIUM names one): browser tests are skipped", allow_module_level=True)
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]

PHONE = 360  # CSS pixels
ORDERS = "/admin/projections/stafforder/"
Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def enter(chromium: Browser, running: Running) -> Iterator[Enter]:
    """Return a function that logs in, by keyboard, in a browser as described, and returns the page."""
    contexts = []

    def log_in(role: str, *, width: int = 1280, javascript: bool = True) -> Page:
        context = chromium.new_context(
            base_url=running.site, viewport={"width": width, "height": 800}, java_script_enabled=javascript
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/admin/")
        login = running.logins()["logins"][role]
        page.get_by_label("Username").fill(login["username"])
        page.get_by_label("Password").fill(login["password"])
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Site administration")).to_be_attached()
        return page

    yield log_in
    for context in contexts:
        context.close()


def addresses(page: Page) -> list[str]:
    """Return the addresses of all lists that the site's menu names."""
    links: list[str] = page.locator("#nav-sidebar-apps a").evaluate_all("links => links.map(link => link.href)")
    assert links
    return links


def shown_day(text: str) -> date:
    """Return the day of a time as the lists show it, such as 31 Mar 2031, 12:00:00."""
    return datetime.strptime(text.partition(",")[0].strip(), "%d %b %Y").date()  # noqa: DTZ007 - a day has no time zone


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the element has the focus, which must be visible. Fails if no Tab leads there."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            style: Any = wanted.evaluate("element => getComputedStyle(element).outlineStyle")
            assert style != "none", "the focus must be visible"
            return
    raise AssertionError(f"no Tab leads to {wanted}")


def assert_on_screen(part: Locator, width: int) -> None:
    box = part.bounding_box()
    assert box
    assert box["x"] >= 0, box
    assert box["x"] + box["width"] <= width, box


# --- without JavaScript -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, PHONE])
def test_without_javascript_every_list_is_read(enter: Enter, width: int) -> None:
    page = enter("staff", width=width, javascript=False)
    for address in addresses(page):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("#content")).to_be_visible()
        expect(page.get_by_role("link", name="Event log").first).to_be_visible()


def test_without_javascript_an_order_is_found_by_filter_and_its_menu_opens(enter: Enter) -> None:
    page = enter("staff", javascript=False)
    page.goto(ORDERS)
    page.locator(".open-filters").click()
    page.locator("#changelist-filter select[name=payment_status__exact]").select_option("paid")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.locator("td.field-payment_shown").first).to_contain_text("Paid", ignore_case=True)
    page.locator("#result_list tbody a").first.click()
    page.locator(".order-commands .menu summary").click()
    page.locator(".menu").get_by_role("link", name="Add a note").click()
    page.get_by_label("Text").fill("Written without JavaScript")
    page.locator(".send button").click()
    expect(page.locator(".timeline li").first).to_contain_text("Written without JavaScript")


def test_without_javascript_an_operator_confirms_what_the_page_explains(enter: Enter) -> None:
    page = enter("operator", javascript=False)
    page.goto("/admin/projections/checkpoint/")
    page.locator("tr", has_text="accounting").locator("input.action-select").first.check()
    page.select_option("select[name=action]", label="Compare with a new rebuild; change nothing")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("Nobody's pages change.")).to_be_visible()
    page.get_by_role("button", name="Compare with a new rebuild; change nothing").click()
    expect(page.get_by_role("link", name="accounting compared with a new rebuild").first).to_be_visible()


def test_without_javascript_days_are_typed_into_a_filter_which_says_how(enter: Enter) -> None:
    page = enter("staff", javascript=False)
    page.goto(ORDERS)
    first = page.locator("#result_list tbody tr").first
    order, day = first.locator("a").first.inner_text(), shown_day(first.locator(".field-placed_at").inner_text())
    for typed in (f"{day:%Y-%m-%d}", f"{day:%d/%m/%Y}"):
        page.goto(ORDERS)
        page.locator(".open-filters").click()
        panel = page.locator("#changelist-filter")
        expect(panel.locator(".range-filter .hint")).to_contain_text("year-month-day, such as 2031-03-31")
        panel.get_by_label("From").first.fill(typed)
        panel.get_by_label("To").first.fill(typed)
        page.get_by_role("button", name="Apply Filters").click()
        page.wait_for_url("**placed_at_from=**")
        expect(page.get_by_role("link", name=order, exact=True)).to_be_visible()
        expect(panel.get_by_label("From").first).to_have_value(typed)
        days = {shown_day(text) for text in page.locator("td.field-placed_at").all_inner_texts()}
        assert days == {day}, typed
    page.goto(f"{ORDERS}?placed_at_from=31.03.2031")
    expect(page.get_by_text("No row is shown until you correct it.")).to_be_visible()
    expect(page.locator("#result_list tbody tr")).to_have_count(0)


def test_without_javascript_an_order_is_shown_as_it_was_at_a_typed_time(enter: Enter) -> None:
    page = enter("staff", javascript=False)
    page.goto(ORDERS)
    page.locator("#result_list tbody a").first.click()
    page.get_by_text("As it was at a moment").click()
    page.locator("input[name=as_of]").fill("2199-12-31T12:00")
    page.locator("input[name=as_of]").press("Enter")
    page.wait_for_url("**as_of=2199*")
    expect(page.locator(".timeline li").first).to_be_visible()


def test_without_javascript_all_rows_of_all_pages_are_chosen(enter: Enter) -> None:
    page = enter("staff", javascript=False)
    page.goto(ORDERS)
    listed = page.locator("#result_list tbody input.action-select").count()
    page.locator("#result_list tbody input.action-select").first.check()  # shows the actions
    across = page.get_by_label(re.compile(r"All [\d,]+ rows of all pages"))
    total = int("".join(re.findall(r"\d", page.locator("label.across").inner_text())))
    assert total > listed, "the demo shop has more than one page"
    across.check()
    page.select_option("select[name=action]", label="Put on hold")
    page.get_by_role("button", name="Run").click()
    if total > 500:
        expect(page.get_by_text("Choose at most 500 orders")).to_be_visible()
    else:  # the form leaves out the orders that cannot be put on hold
        expect(page.locator("input[name=order]").nth(listed)).to_be_attached()


@pytest.mark.parametrize("width", [1280, PHONE])
def test_without_javascript_one_logs_out(enter: Enter, width: int) -> None:
    page = enter("staff", width=width, javascript=False)
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/logout/")
    page.goto(ORDERS)
    expect(page.get_by_label("Password")).to_be_visible()


# --- by keyboard ------------------------------------------------------------------------------------------------------


def test_the_filters_open_close_and_are_chosen_by_keyboard(enter: Enter) -> None:
    page = enter("staff")
    page.goto(ORDERS)
    opener = page.locator(".open-filters")
    panel = page.locator("#changelist-filter")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    expect(panel).to_be_visible()
    expect(panel.locator(":focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(panel).not_to_be_visible()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, panel.get_by_role("button", name="Apply Filters"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?"))


@pytest.mark.parametrize("width", [1280, PHONE])
def test_one_logs_out_by_keyboard(enter: Enter, width: int) -> None:
    page = enter("staff", width=width)
    if width == PHONE:
        tab_to(page, page.get_by_role("button", name="Open the site menu"))
        page.keyboard.press("Enter")
    tab_to(page, page.locator(".user-menu summary"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Log out"))
    assert_on_screen(page.get_by_role("button", name="Log out"), width)
    page.keyboard.press("Enter")
    page.wait_for_url("**/logout/")
    page.goto(ORDERS)
    expect(page.get_by_label("Password")).to_be_visible()


def test_nothing_that_takes_a_click_is_out_of_the_keyboards_reach(enter: Enter) -> None:
    page = enter("staff")
    for address in addresses(page):
        page.goto(address)
        out_of_reach = page.locator("[x-on\\:click]:visible").evaluate_all(
            "all => all.filter(each => each.tabIndex < 0 && !each.querySelector('a[href], button, input'))"
            ".map(each => each.outerHTML.slice(0, 200))"
        )
        assert out_of_reach == [], address


# --- on a phone -------------------------------------------------------------------------------------------------------


def test_on_a_phone_no_list_is_wider_than_the_screen_and_each_label_names_its_row_or_column(enter: Enter) -> None:
    for role in ("staff", "accountant"):
        page = enter(role, width=PHONE)
        for address in addresses(page):
            page.goto(address)
            page.wait_for_load_state("networkidle")  # the text is wider until its font is there
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE, address
            rows = page.locator("#result_list tr.data-row")
            for row in range(min(rows.count(), 2)):
                first = rows.nth(row).locator("[data-label]").first
                label = first.get_attribute("data-label") or ""
                assert label not in {"", "Select record", "Select"}, address


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("width", [1280, PHONE])
def test_no_page_of_a_row_is_wider_than_the_screen(
    enter: Enter, running: Running, width: int, javascript: bool
) -> None:
    running.manage("shell", "-c", "from ordersite.models import User; User.objects.update(is_superuser=True)")
    try:
        page = enter("operator", width=width, javascript=javascript)
        for address in ("auth/group/", "ordersite/user/", "eventstore/seal/", "eventstore/event/", "knox/authtoken/"):
            page.goto(f"/admin/{address}")
            row = page.locator("#result_list tbody a[href*=change]").first
            if address == "eventstore/seal/" and not row.count():
                continue  # a new site has no seal in its first minute
            row.click()
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    finally:
        running.manage("shell", "-c", "from ordersite.models import User; User.objects.update(is_superuser=False)")


def test_on_a_phone_every_menu_opens_on_the_screen(enter: Enter) -> None:
    page = enter("staff", width=PHONE)
    page.goto(f"{ORDERS}?payment_status__exact=paid")
    page.locator("#result_list tbody a").first.click()
    page.locator(".order-commands .menu summary").click()
    assert_on_screen(page.locator(".order-commands .menu > div"), PHONE)
    page.goto("/admin/")
    page.get_by_role("button", name="Open the site menu").click()
    page.locator(".user-menu summary").click()
    assert_on_screen(page.locator(".user-menu > div"), PHONE)
    page.goto(ORDERS)
    page.locator(".open-filters").click()
    assert_on_screen(page.locator("#changelist-filter > div").last, PHONE)
