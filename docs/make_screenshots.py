"""Take the pictures of docs/images in a real browser, of a lake (KOHDE_HOME, best after `kohde demo`) whose people are made up.

    kohde demo && python docs/make_screenshots.py [graph] [page]

graph: Dagster's page. page: Poimintapalvelu, each picture as somebody who is let in for it and ended afterwards.
Chromium comes from the system (KOHDE_CHROMIUM, default /usr/bin/chromium); nothing outside 127.0.0.1 is asked.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent / "images"
# As large as the graph at a zoom at which the names can be read.
SCREEN = {"width": 1700, "height": 1700}
ZOOM_OUT = 2
# The graph without the page's own lists and buttons around it.
PICTURE = {"x": 560, "y": 150, "width": 950, "height": 1500}
DESK, PHONE = {"width": 1360, "height": 1020}, {"width": 390, "height": 844}
RECIPIENT = "acme"
PICKED = "area=TALOUS&area=YLEISJOHTO&region=01&region=06&region=02&about=TALOUS&about=YLEISJOHTO"
KOHDE = [sys.executable, "-m", "orchestration.cli"]
LABELS = {"user": "Maija Markkinointi", "admin": "Anna Admin", "officer": "Tiina Tietosuoja", "operator": "Ylläpito"}
BLOCKS = "any1.area=IT&any1.level=director&not.industry=55&cap=1&rank=level&n=200&cells=2&hold_out=0.1&strata=region"


@dataclass(frozen=True)
class Shot:
    """A picture of the page. only: what of it, without what is hidden."""

    name: str
    role: str
    address: str
    language: str = "fi"
    scheme: str = "light"
    screen: dict[str, int] = field(default_factory=lambda: DESK)
    only: str = ""
    hidden: str = ""


SHOTS = (
    Shot("page-pick", "user", f"/pick?{PICKED}"),
    Shot("page-dark", "user", f"/pick?{PICKED}", language="en", scheme="dark"),
    Shot("page-phone", "user", f"/pick?{PICKED}", screen=PHONE),
    Shot(
        "page-blocks",
        "user",
        f"/pick?{BLOCKS}&region=01",
        only=".criteria",
        hidden=".basics, .search, .card:has(#who-title)",
    ),
    Shot("page-keys", "admin", "/keys"),
    Shot("page-order", "admin", f"/order?{PICKED}", language="sv"),
    Shot("page-desk", "officer", "/desk"),
    Shot("page-operator", "operator", "/operator"),
)


def main(asked: list[str]) -> None:
    """The pictures asked for, or all."""
    IMAGES.mkdir(exist_ok=True)
    with chromium() as browser:
        if not asked or "graph" in asked:
            with served("ui") as url:
                take_graph(browser, url, IMAGES / "asset-graph.png")
        if not asked or "page" in asked:
            with served("serve") as url:
                take_page(browser, url)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        place = os.environ.get("KOHDE_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=place, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def served(command: str) -> Iterator[str]:
    """The address of what a command of kohde serves, until the end."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    with subprocess.Popen([*KOHDE, command, "--port", str(port)], stdout=subprocess.PIPE, text=True) as page:
        try:
            assert page.stdout
            told = re.search(r"http://[\w.:]+", page.stdout.readline())
            if not told:
                raise SystemExit("the page did not start")
            yield told[0]
        finally:
            page.send_signal(signal.SIGINT)
            page.wait(60)


def kohde(*words: str) -> str:
    """What a command of kohde prints."""
    return subprocess.run([*KOHDE, *words], check=True, capture_output=True, text=True).stdout


def take_graph(browser: Browser, url: str, target: Path) -> None:
    """The graph of all assets with every group open."""
    view = browser.new_page(viewport=SCREEN, device_scale_factor=2)  # type: ignore[arg-type]
    view.goto(f"{url}/asset-groups")
    view.wait_for_load_state("networkidle")
    view.wait_for_timeout(3_000)
    view.get_by_text("Hide navigation").click()
    view.keyboard.press("Alt+e")
    view.wait_for_timeout(3_000)
    view.reload()  # the groups stay open, and a page that loads puts its graph in the middle
    view.wait_for_timeout(8_000)
    for _ in range(ZOOM_OUT):
        view.get_by_label("zoom_out", exact=True).click()
        view.wait_for_timeout(700)
    view.screenshot(path=str(target), clip=PICTURE)  # type: ignore[arg-type]


def take_page(browser: Browser, url: str) -> None:
    """Each picture of the page."""
    kohde("recipient", "add", RECIPIENT, "--name", "Acme Oy", "--by", "screenshots")
    for role in dict.fromkeys(shot.role for shot in SHOTS):
        whose = ["--recipient", RECIPIENT] if role in ("user", "admin") else []
        made = json.loads(kohde("access", "add", LABELS[role], "--role", role, *whose, "--by", "screenshots", "--json"))
        try:
            for shot in SHOTS:
                if shot.role == role:
                    take(browser, url, made["key"], shot)
        finally:
            kohde("access", "end", made["access_id"], "--by", "screenshots")


def take(browser: Browser, url: str, key: str, shot: Shot) -> None:
    """One of them."""
    context = browser.new_context(viewport=shot.screen, color_scheme=shot.scheme, device_scale_factor=1.5)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{url}/sign-in?lang={shot.language}")
    page.locator("#key").fill(key)
    page.locator("main button").click()
    page.goto(url + shot.address)
    target = str(IMAGES / f"{shot.name}.png")
    if shot.only:
        page.evaluate("which => document.querySelectorAll(which).forEach(one => { one.style.display = 'none'; })", shot.hidden)
        page.locator(shot.only).evaluate("one => { one.style.maxHeight = 'none'; one.style.position = 'static'; }")
        page.locator(shot.only).screenshot(path=target)
    else:
        page.screenshot(path=target)
    context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
