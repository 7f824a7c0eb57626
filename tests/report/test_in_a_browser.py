"""The page in a real browser: alone, by keyboard, to assistive technology, in light and dark, and without script."""

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from tests.report import pages

LOOKS = [("light", 1300), ("dark", 1300), ("light", 360)]


def pixels(locator) -> np.ndarray:
    """What is painted there, (H, W, 3) in [0, 1]."""
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")) / 255


def test_asks_nothing_of_the_network_and_has_no_errors(opened, page_file):
    page = opened()
    outside = [url for url in page.asked if url != page_file.as_uri() and not url.startswith("data:image/")]
    assert not [url for url in outside if url != "data:,"]
    assert page.said == []
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        page.evaluate("fetch('http://127.0.0.1:9/').catch(() => {})")  # were there code that asks, it would be refused


def test_names_stay_names(opened):
    page = opened()
    for option in range(3):
        page.locator("[name=image]").nth(option).check(force=True)
    assert page.evaluate("window.hacked") is None
    page.locator("[name=image]").nth(1).check(force=True)
    assert pages.HOSTILE in page.locator(".subject").inner_text()
    assert pages.HOSTILE in page.locator(".note").inner_text()
    assert page.locator("img[src=x]").count() == 0
    assert page.said == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing(opened, scheme, width):
    import axe_playwright_python

    page = opened(width, color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    page.evaluate(Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 20
    told = [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found["violations"]]
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_gallery_works_by_keyboard_alone(opened):
    page = opened()
    focused = "document.activeElement"
    for _ in range(200):  # tabs to the gallery
        page.keyboard.press("Tab")
        if page.evaluate(f"{focused}.name") == "image":
            break
    assert page.evaluate(f"getComputedStyle({focused}.closest('label')).outlineStyle") == "solid"
    page.keyboard.press("ArrowRight")
    assert "image 2 of 3" in page.locator(".gallery > .status").inner_text()
    assert page.locator(".card .heat").count() == 3
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.name") == "model"
    page.keyboard.press("ArrowDown")
    assert "; other;" in page.locator(".gallery > .status").inner_text()
    while page.evaluate(f"{focused}.name") != "method":
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert "2 methods" in page.locator(".gallery > .status").inner_text()
    assert page.locator(".card .heat").count() == page.locator(".chart path").count() / 2 == 2
    while page.evaluate(f"{focused}.closest('.at') === null"):
        page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert page.locator(".values tbody tr").first.locator("td").nth(2).inner_text() == "1.000"  # all is inserted


def test_missing_maps_and_scores_are_said_to_be(opened):
    page = opened()
    assert page.get_by_text("no map of this image").count() == 1
    assert page.locator(".values tbody tr").count() == 3


def test_maps_have_the_colours_of_the_figures(opened):
    page = opened()
    card = page.locator(".card", has=page.locator("figcaption", has_text="attexplore")).locator(".heat")
    ends = {"signed": ("RdBu_r", 0.0, 1.0), "magnitude": ("Purples", 1.0, 1.0)}
    for colours, (name, left, right) in ends.items():
        page.locator(f"[name=colours][value={colours}]").check()
        painted = pixels(card)
        middle, quarter = painted.shape[0] // 2, painted.shape[1] // 4
        for column, value in ((quarter, left), (3 * quarter, right)):
            assert painted[middle, column] == pytest.approx(mpl.colormaps[name](value)[:3], abs=0.06)


def test_tables_sort_and_filter_by_keyboard(opened):
    page = opened()
    table = page.locator("#d0-metric-insertion_deletion-table")
    head = table.locator("th", has_text="insertion").first
    head.locator("button").focus()
    for way, order in (("ascending", METHODS_BY_INSERTION), ("descending", METHODS_BY_INSERTION[::-1])):
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == way
        shown = [cell.split("\t")[0] for cell in table.locator("tbody tr").all_inner_texts()]
        assert list(dict.fromkeys(shown)) == order
    assert "falling" in page.locator("[data-for=d0-metric-insertion_deletion-table] .status").inner_text()


METHODS_BY_INSERTION = pages.METHODS[::-1]


def test_light_and_dark(opened):
    grounds = {}
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        grounds[scheme] = pixels(page.locator("footer")).max(axis=2)
    assert np.median(grounds["light"]) > 0.9
    assert np.median(grounds["dark"]) < 0.2


def test_without_script_there_are_tables_figures_and_maps(opened):
    page = opened(java_script_enabled=False)
    assert page.locator(".card .heat").count() == 2
    assert page.locator(".controls").is_hidden()
    assert page.locator(".drawn img").first.is_visible()
    assert page.locator("#d0-metric-insertion_deletion-table").is_visible()
    assert page.locator("noscript p").is_visible()
