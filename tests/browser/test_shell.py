"""What all pages share: where they lead, two themes, every width, no barriers, little weight."""

import zlib
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.browser.hands import answered, barriers, drop
from tests.browser.trace import traced
from tests.service.server import ROOT, Server

PAGES = ("/", "/lectures", "/card")
STATIC = ROOT / "service" / "static"
MOST_BYTES = 300_000


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_navigation_and_one_heading(page: Page, path: str) -> None:
    page.goto(path)
    for name in ("Classify", "Look inside", "Lectures", "Model card", "API"):
        expect(page.get_by_role("navigation").get_by_role("link", name=name)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert barriers(page) == []


def test_the_theme_can_be_switched_and_is_kept(page: Page) -> None:
    page.goto("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Use the dark theme").click()
    dark = page.evaluate(ground)
    assert light != dark
    page.goto("/lectures")
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Use the light theme").click()
    assert page.evaluate(ground) == light


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_nothing_bars_the_way_to_an_answer(page: Page, song: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto("/")
    drop(page, song)
    answered(page).get_by_text("The timeline as a table").click()
    assert barriers(page) == []
    page.get_by_role("link", name="Limits").click()
    expect(page.get_by_role("dialog").get_by_role("heading", name="Limits")).to_be_visible()
    assert barriers(page) == []


def test_a_narrow_screen_shows_everything_without_scrolling_sideways(
    browser: Browser, server: Server, song: Path
) -> None:
    with browser.new_context(
        base_url=server.url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    ) as context:
        page = context.new_page()
        faults = watched(page, server.url)
        for path in PAGES:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        page.goto("/")
        drop(page, song, song)
        answered(page, 1)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert barriers(page) == []
        page.locator("article.panel").first.get_by_role("slider", name="Leading class").tap()
        assert faults == []


def test_the_page_is_light_and_soon_painted(browser: Browser, page: Page) -> None:
    with traced(browser, page) as trace:
        page.goto("/")
        page.wait_for_load_state("networkidle")
    assert 0 < sum(trace.tasks_ms(before="firstContentfulPaint")) <= 1000
    sizes = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    assert 20_000 < page.evaluate(f"{sizes}.reduce((sum, one) => sum + one.transferSize, 0)") <= MOST_BYTES
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(len(zlib.compress(path.read_bytes())) for path in files) <= MOST_BYTES


def test_every_module_that_a_page_loads_is_asked_for_at_once(page: Page) -> None:
    """One that is missing from the list would be found only after another has come."""
    page.goto("/")
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    asked = page.evaluate("[...document.querySelectorAll('link, script')].map(one => one.href || one.src)")
    assert {name for name in loaded if name.endswith(".js")} == {name for name in asked if name.endswith(".js")}
