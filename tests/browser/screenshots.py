"""`make screenshots`: take the pictures of the docs, on a separate site with the demo shop."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.chromium import PATH, browser
from tests.support.running import ROOT, Running

IMAGES = ROOT / "docs" / "images"


def main() -> None:
    """Start a site and take all pictures."""
    if PATH is None:
        raise SystemExit("no Chromium on the PATH: install it, or set CHROMIUM")
    with tempfile.TemporaryDirectory() as folder:
        site = Running(Path(folder) / "state").start()
        try:
            with browser() as chromium:
                page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
                take_all(page, site)
        finally:
            site.stop()


def take_all(page: Page, site: Running) -> None:
    """Log in and take each picture."""
    log_in(page, site, "staff")
    page.goto(f"{site.site}/admin/projections/stafforder/")
    take(page, "orders")
    page.goto(f"{site.site}/admin/projections/stafforder/?return_status__exact=approved")
    page.locator("#result_list tbody a").first.click()
    page.set_viewport_size({"width": 1440, "height": 1100})
    take(page, "order")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{site.site}/admin/projections/stafforder/?fulfilment_status__exact=partial")
    page.locator("#result_list tbody a").nth(1).click()
    page.get_by_role("link", name="Ship a part").click()
    take(page, "command")
    for name in ("accountingday", "checkpoint"):
        page.goto(f"{site.site}/admin/projections/{name}/")
        take(page, name)
    log_in(page, site, "operator")
    page.goto(f"{site.site}/admin/projections/checkpoint/")
    page.locator("tr", has_text="accounting").locator("input.action-select").check()
    page.select_option("select[name=action]", "as_it_stood")
    page.get_by_role("button", name="Run").click()
    page.fill("input[name=as_of]", f"{datetime.now(UTC) - timedelta(days=14):%Y-%m-%dT18:00:00}")
    page.get_by_role("button", name="Build it").click()
    expect(page.locator("#result_list").get_by_text("Done")).to_be_visible(timeout=30_000)
    log_in(page, site, "staff")
    page.goto(f"{site.site}/admin/projections/accountingday/")
    page.get_by_role("button", name="Look at it").click()
    take(page, "as_it_stood")


def log_in(page: Page, site: Running, role: str) -> None:
    """Log in as one of the demo shop's people, in place of the last one."""
    login = site.logins()["logins"][role]
    page.context.clear_cookies()
    page.goto(f"{site.site}/admin/")
    page.fill("input[name=username]", login["username"])
    page.fill("input[name=password]", login["password"])
    page.click("button[type=submit]")
    page.wait_for_url(f"{site.site}/admin/")


def take(page: Page, name: str) -> None:
    """Write a picture of the page to docs/images."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
