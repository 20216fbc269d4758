"""An installed Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATH = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
ABORTED = "net::ERR_ABORTED"
"""The browser itself gave up the request, for example an icon that was still loading when the page was left."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=PATH, args=FLAGS)


def record_problems(page: Page, problems: list[str]) -> None:
    """Add each error of a script, each request that failed and each answer of 400 or above to `problems`."""
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.extend(describe_failure(request)))
    page.on(
        "response", lambda answer: problems.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
    )


def describe_failure(request: Request) -> list[str]:
    """Return why a request failed, in one line; nothing if the browser itself gave it up."""
    return [] if request.failure == ABORTED else [f"{request.failure}: {request.method} {request.url}"]
