"""`make screenshots`: the pictures of the docs, taken of a site of its own with the demo shop."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.chromium import PATH, browser
from tests.stack.running import ROOT, Running

IMAGES = ROOT / "docs" / "images"


def main() -> None:
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
    login = site.logins()["logins"]["staff"]
    page.goto(f"{site.site}/admin/")
    page.fill("input[name=username]", login["username"])
    page.fill("input[name=password]", login["password"])
    page.click("button[type=submit]")
    page.goto(f"{site.site}/admin/projections/stafforder/")
    take(page, "orders")
    page.goto(f"{site.site}/admin/projections/stafforder/?status__exact=paid")
    page.locator("#result_list tbody a").first.click()
    take(page, "order")
    for name in ("accountingday", "checkpoint"):
        page.goto(f"{site.site}/admin/projections/{name}/")
        take(page, name)


def take(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
