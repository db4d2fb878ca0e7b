"""The browser that pages are tried in: the system's Chromium (KOHDE_CHROMIUM), which asks nobody beyond this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

PLACE = os.environ.get("KOHDE_CHROMIUM", "/usr/bin/chromium")
ARGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

needed = pytest.mark.skipif(not Path(PLACE).exists() and not os.environ.get("CI"), reason="no Chromium here (KOHDE_CHROMIUM)")
"""Without one a test is left out, but never in CI."""


@contextmanager
def started() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PLACE, args=ARGS)
        yield browser
        browser.close()
