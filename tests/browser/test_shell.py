"""What all pages share: where they lead, their two themes, and that they come from this service alone."""

import pytest
from playwright.sync_api import Page, expect

PAGES = ("/", "/lectures", "/card")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_navigation_and_one_heading(page: Page, path: str) -> None:
    page.goto(path)
    for name in ("Classify", "Look inside", "Lectures", "Model card", "API"):
        expect(page.get_by_role("navigation").get_by_role("link", name=name)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


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
