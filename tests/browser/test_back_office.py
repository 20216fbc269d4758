"""The back office in a real browser, on the whole running site."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import PATH, browser
from tests.support.running import Running
from tests.support.stack import ORDER, customer

if PATH is None:
    pytest.skip("no Chromium on the PATH (CHROMIUM names one): browser tests are skipped", allow_module_level=True)
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]
Enter = Callable[[str], Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def enter(chromium: Browser, running: Running) -> Iterator[Enter]:
    """Return a function that logs in and returns the page. No page may log an error."""
    contexts, errors = [], []

    def open_page(role: str) -> Page:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(f"{running.site}/admin/")
        log_in(page, running, role)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def log_in(page: Page, running: Running, role: str) -> None:
    """Fill in and send the log-in form that the page shows."""
    login = running.logins()["logins"][role]
    page.fill("input[name=username]", login["username"])
    page.fill("input[name=password]", login["password"])
    page.click("button[type=submit]")


def place(running: Running, *, pay: bool = False) -> str:
    auth = customer(running)
    _, headers, placed = running.call("POST", "/api/v1/orders", ORDER, **auth, **{"Idempotency-Key": str(uuid4())})
    path = headers["Location"]
    if pay:
        body = {"amount": "19.90", "payment_method": "card"}
        running.call("POST", f"{path}/payments", body, **auth, **{"Idempotency-Key": str(uuid4()), "If-Match": "*"})
    running.call("GET", f"{path}?min_version={2 if pay else 1}", **auth)
    return str(placed["order_id"])


def choose(page: Page, title: str) -> None:
    """Choose a command in the menu of an order's page."""
    page.locator(".menu summary").click()
    page.locator(".menu").get_by_role("link", name=title, exact=True).click()


def test_an_order_placed_through_the_api_is_found_shipped_and_shown_in_its_timeline(
    enter: Enter, running: Running
) -> None:
    order_id = place(running, pay=True)
    page = enter("staff")
    page.get_by_role("link", name="Orders", exact=True).first.click()
    page.fill("input[name=q]", order_id)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=f"…{order_id[-8:]}").click()
    expect(page.locator(".timeline")).to_contain_text("Order placed: 1 line for 19.90 GBP")
    expect(page.locator(".timeline")).to_contain_text("Paid 19.90 GBP by card")
    page.get_by_role("link", name="Ship", exact=True).click()
    page.fill("input[name=carrier]", "DHL")
    page.fill("input[name=tracking_code]", "JD0142")
    page.get_by_role("button", name="Ship").click()
    expect(page.get_by_text(f"Order …{order_id[-8:]}: Shipped with DHL")).to_be_visible()
    expect(page.locator(".order-head")).to_contain_text("Fulfilled", ignore_case=True)
    newest = page.locator(".timeline li").first
    expect(newest).to_contain_text("Shipped with DHL, tracking code JD0142")
    expect(newest).to_contain_text("staff (staff)")
    newest.locator("summary").click()
    expect(newest.locator("pre")).to_contain_text('"tracking_code": "JD0142"')


def test_a_paid_order_goes_out_in_two_parcels_a_part_comes_back_and_its_price_is_given_back(
    enter: Enter, running: Running
) -> None:
    order_id = place(running, pay=True)
    page = enter("staff")
    page.goto(f"{running.site}/admin/projections/stafforder/{order_id}/change/")
    head = page.locator(".order-head")
    for code in ("JD01", "JD02"):
        page.get_by_role("link", name="Ship", exact=True).wait_for()
        if code == "JD01":
            page.get_by_role("link", name="Ship a part").click()
            page.get_by_label("Quantity: Stoneware mug").fill("1")
        else:
            page.get_by_role("link", name="Ship", exact=True).click()
        page.get_by_label("Carrier").fill("DHL")
        page.get_by_label("Tracking code").fill(code)
        page.locator(".send button").click()
        expect(page.locator(".timeline li").first).to_contain_text(code)
    expect(head).to_contain_text("Fulfilled", ignore_case=True)
    page.get_by_role("button", name="Delivered").first.click()
    expect(page.locator(".timeline li").first).to_contain_text("Parcel 1 delivered")

    choose(page, "Record a return")
    page.get_by_label("Quantity: Stoneware mug").fill("1")
    page.get_by_label("Reason").select_option("damaged")
    page.locator(".send button").click()
    page.get_by_role("button", name="Approve").click()
    expect(head).to_contain_text("Return approved", ignore_case=True)
    head.get_by_role("link", name="Receive goods").click()
    page.locator(".send button").click()
    expect(page.locator(".figures")).to_contain_text("Owed to customer9.95 GBP", use_inner_text=False)
    head.get_by_role("link", name="Refund").click()
    page.get_by_label("Reason").fill("It came back")
    page.locator(".send button").click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("link", name="Given back").click()
    page.locator(".send button").click()
    expect(head).to_contain_text("Partially refunded", ignore_case=True)
    expect(head).to_contain_text("Completed", ignore_case=True)
    expect(page.locator(".figures")).to_contain_text("Refunded9.95 GBP", use_inner_text=False)


def test_the_order_page_fits_a_phone_and_its_menu_closes_with_escape(enter: Enter, running: Running) -> None:
    order_id = place(running, pay=True)
    page = enter("staff")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{running.site}/admin/projections/stafforder/{order_id}/change/")
    page.locator(".menu summary").click()
    expect(page.locator(".menu > div")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".menu > div")).not_to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "only tables scroll sideways"


def test_several_orders_are_cancelled_from_the_list_and_each_outcome_is_shown(enter: Enter, running: Running) -> None:
    ids = [place(running), place(running)]
    page = enter("staff")
    page.goto(f"{running.site}/admin/projections/stafforder/?q={ids[0]}")
    page.locator("input.action-select").first.check()
    page.select_option("select[name=action]", "cancel")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("heading", name="Cancel order")).to_be_visible()
    page.fill("input[name=reason]", "Out of stock")
    page.get_by_role("button", name="Cancel order").click()
    expect(page.locator(".timeline li").first).to_contain_text("Cancelled: Out of stock")


def test_a_login_that_ends_while_a_form_is_open_loses_nothing_of_it(enter: Enter, running: Running) -> None:
    order_id = place(running)
    page = enter("staff")
    page.goto(f"{running.site}/admin/projections/stafforder/{order_id}/change/")
    choose(page, "Add a note")
    page.get_by_label("Text").fill("She rang: it is a present")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Add a note").click()
    log_in(page, running, "staff")
    expect(page.get_by_text("This was not sent, because your login had ended.")).to_be_visible()
    expect(page.get_by_label("Text")).to_have_value("She rang: it is a present")
    page.get_by_role("button", name="Add a note").click()
    expect(page.locator(".timeline li").first).to_contain_text("Note: She rang: it is a present")


def test_the_second_of_two_tabs_is_told_what_the_first_did(enter: Enter, running: Running) -> None:
    order_id = place(running)
    first = enter("staff")
    form = f"{running.site}/admin/projections/stafforder/command/change_address/?order={order_id}"
    second = first.context.new_page()
    for page, address in ((first, "1 Mill Lane"), (second, "2 Mill Lane")):
        page.goto(form)
        page.get_by_label("Shipping address").fill(address)
    first.locator(".send button").click()
    second.locator(".send button").click()
    expect(second.get_by_label("What changed")).to_contain_text("Address changed to: 1 Mill Lane")
    expect(second.get_by_label("Shipping address")).to_have_value("2 Mill Lane")
    second.locator(".send button").click()
    expect(second.locator(".timeline li").first).to_contain_text("Address changed to: 2 Mill Lane")


def test_each_parcel_of_many_gets_its_own_code_and_a_wrong_one_is_corrected(enter: Enter, running: Running) -> None:
    ids = [place(running, pay=True), place(running, pay=True)]
    page = enter("staff")
    orders = "&".join(f"order={order_id}" for order_id in ids)
    page.goto(f"{running.site}/admin/projections/stafforder/command/ship/?{orders}")
    code = uuid4().hex[:10]
    for order_id in ids:
        page.locator(f"input[name=order-{order_id}-tracking_code]").fill(code)
    page.locator(".send button").click()
    expect(page.get_by_text(f"More than one parcel would have the tracking code {code}")).to_be_visible()
    page.get_by_label("This is right: send it").check()
    page.locator(".send button").click()
    expect(page.locator(".outcomes .done")).to_have_count(2)
    page.goto(f"{running.site}/admin/projections/stafforder/{ids[0]}/change/")
    page.get_by_role("link", name="Correct the tracking").click()
    expect(page.get_by_label("Tracking code")).to_have_value(code)
    page.get_by_label("Tracking code").fill(f"{code}-2")
    page.locator(".send button").click()
    expect(page.locator(".timeline li").first).to_contain_text(f"Parcel 1 is tracked by {code}-2, not by {code}")


def test_a_wrong_cancellation_is_restored_from_the_version_before_it(enter: Enter, running: Running) -> None:
    order_id = place(running)
    page = enter("staff")
    page.goto(f"{running.site}/admin/projections/stafforder/{order_id}/change/")
    expect(page.locator(".planned")).to_contain_text("Will be cancelled unless it is paid")
    choose(page, "Cancel order")
    page.fill("input[name=reason]", "The wrong one")
    page.get_by_role("button", name="Cancel order").click()
    page.locator(".timeline li").last.locator("summary").click()
    page.get_by_role("link", name="Show the order as it was then").last.click()
    expect(page.locator(".behind")).to_contain_text("as it was at version 1")
    page.get_by_role("link", name="Restore this version").click()
    expect(page.locator("input[name=version]")).to_have_value("1")
    page.fill("input[name=reason]", "Another was meant")
    page.get_by_role("button", name="Restore this version").click()
    newest = page.locator(".timeline li").first
    expect(newest).to_contain_text("Restored to version 1, open: Another was meant")
    expect(page.locator(".order-head")).to_contain_text("Unpaid", ignore_case=True)
    newest.locator("summary").click()
    newest.get_by_role("link", name="Open in the event log").click()
    expect(page.locator(".trace .here")).to_contain_text("order.restored this event")


def test_an_order_is_shown_as_of_a_moment(enter: Enter, running: Running) -> None:
    page = enter("staff")
    page.goto(f"{running.site}/admin/projections/stafforder/?fulfilment_status__exact=delivered")
    page.locator("#result_list tbody a").first.click()
    placed = page.locator(".timeline time").last.get_attribute("datetime") or ""
    page.get_by_text("As it was at a moment").click()
    page.fill("input[name=as_of]", placed[:16])
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("did not exist then")).to_be_visible()  # a few seconds before it was placed
    page.goto(f"{page.url.partition('?')[0]}?recorded_by=2999-01-01")
    expect(page.locator(".behind")).to_contain_text("as known on 1 Jan 2999")


def test_the_list_is_filtered_by_status_and_date(enter: Enter, running: Running) -> None:
    page = enter("staff")
    page.goto(f"{running.site}/admin/projections/stafforder/?status__exact=cancelled")
    expect(page.locator("#result_list")).to_contain_text("Cancelled", ignore_case=True)
    expect(page.locator("#result_list")).not_to_contain_text("Completed", ignore_case=True)


def test_an_accountant_sees_days_and_entries_and_no_orders(enter: Enter, running: Running) -> None:
    page = enter("accountant")
    expect(page.get_by_role("link", name="calendar_month Days")).to_be_visible()
    expect(page.get_by_role("link", name="Orders", exact=True)).to_have_count(0)
    page.get_by_role("link", name="calendar_month Days").click()
    expect(page.locator("#result_list")).to_contain_text("GBP")


def test_the_api_documentation_opens_without_any_other_site(enter: Enter, running: Running) -> None:
    page = enter("staff")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"{running.site}/api/v1/docs")
    expect(page.get_by_text("/api/v1/orders/{order_id}/payments").first).to_be_visible()
    assert [url for url in requested if not url.startswith((running.site, "data:"))] == []


def test_an_auditor_is_shown_the_books_as_they_stood(enter: Enter, running: Running) -> None:
    page = enter("operator")
    page.goto(f"{running.site}/admin/projections/checkpoint/")
    page.locator("tr", has_text="accounting").locator("input.action-select").check()
    page.select_option("select[name=action]", label="Build it as it stood at a moment…")
    page.get_by_role("button", name="Run").click()
    yesterday = timezone.localtime() - timedelta(days=1)
    page.fill("input[name=as_of]", f"{yesterday:%Y-%m-%dT%H:%M:%S}")
    page.get_by_role("button", name="Build it").click()
    expect(page.locator("tr", has_text="accounting into as_of_").first).to_contain_text("Done", timeout=30_000)
    page = enter("staff")
    page.goto(f"{running.site}/admin/projections/accountingday/")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("You are looking at accounting as of")).to_be_visible()
    expect(page.locator("#result_list")).to_contain_text("GBP")
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_text("You are looking at")).not_to_be_visible()
