"""Take docs/images/asset-graph.png: Dagster's page of a lake (KOHDE_HOME, best after `kohde demo`) in a real browser.

    kohde demo && python docs/make_screenshots.py

Chromium comes from the system (KOHDE_CHROMIUM, default /usr/bin/chromium); nothing outside 127.0.0.1 is asked.
"""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
# As large as the graph at a zoom at which the names can be read.
SCREEN = {"width": 1700, "height": 1700}
ZOOM_OUT = 2
# The graph without the page's own lists and buttons around it.
PICTURE = {"x": 560, "y": 150, "width": 950, "height": 1500}


def main() -> None:
    """Start the page, open every group, take the picture, end the page."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    command = [sys.executable, "-m", "orchestration.cli", "ui", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as page:
        try:
            assert page.stdout
            url = page.stdout.readline().split(";")[0]
            if not url:
                raise SystemExit("the page did not start")
            take(url, IMAGES / "asset-graph.png")
        finally:
            page.send_signal(signal.SIGINT)
            page.wait(60)


def take(url: str, target: Path) -> None:
    """The graph of all assets with every group open."""
    chromium = os.environ.get("KOHDE_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
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
        target.parent.mkdir(exist_ok=True)
        view.screenshot(path=str(target), clip=PICTURE)  # type: ignore[arg-type]
        browser.close()


if __name__ == "__main__":
    main()
