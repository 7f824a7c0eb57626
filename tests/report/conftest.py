"""A page, and a browser to look at it with: Chromium or Chrome as the system has it, driven by Playwright."""

import shutil

import pytest

from tests.report import pages

PATIENCE = 180_000  # milliseconds: on a loaded machine all takes its time
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    """The page of `tests/report/pages.py`, in its results folder."""
    root = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        text = pages.write(root)
    path = root / pages.RAW["results"] / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no browser: the page is tested where Chromium is installed (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--force-color-profile=srgb"], timeout=PATIENCE
        )
        yield started
        started.close()


@pytest.fixture
def opened(browser, page_file):
    """opened(**options) opens the page; what it asked for and said is in `.asked` and `.said`."""
    contexts = []

    def open_(width: int = 1300, **options):
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(page_file.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
