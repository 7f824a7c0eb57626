"""Pictures of a page for the documentation: `python -m tests.report.screenshots results/sample/report.html FOLDER`."""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.report.conftest import BROWSERS

SHOTS = {  # file: colours, what is at the top, view of maps
    "page_light.png": ("light", "#d0-scores", "map"),
    "page_gallery.jpg": ("light", ".gallery .about", "map"),
    "page_dark.jpg": ("dark", ".gallery .about", "over"),
}


def take(page: Page, top: str, view: str, target: Path) -> None:
    """What is seen below `top`."""
    page.locator(f"[name=view][value={view}]").first.check()
    page.evaluate("top => document.querySelector(top).scrollIntoView()", top)
    page.wait_for_timeout(500)  # pictures are decoded as they come into sight
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(target, optimize=True, quality=82)


def main(path: str, folder: str) -> None:
    """Write all SHOTS of a page into a folder."""
    program = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, (scheme, top, view) in SHOTS.items():
            size = {"width": 1280, "height": 860}
            page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
            page.goto(Path(path).resolve().as_uri())
            take(page, top, view, Path(folder) / name)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
