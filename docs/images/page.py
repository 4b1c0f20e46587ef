"""Makes the screenshots of the page from its own example, in Debian's Chromium: python -m docs.images.page"""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.audio_files import music, wav_bytes
from tests.service.server import running_service

HERE = Path(__file__).parent
COLOURS = 160
DESK = {"viewport": {"width": 1120, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 800}, "device_scale_factor": 1.5, "is_mobile": True, "has_touch": True}


def shot(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)  # bars have grown
    save(page.screenshot(full_page=True), name)


def save(png: bytes, name: str, height: int | None = None) -> None:
    """The picture, or its upper part, in few colours. One that most of its pixels agree on, as the ground, is exact."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image = image.crop((0, 0, image.width, height or image.height))
    few = image.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indices, pixels = np.asarray(few).ravel(), np.asarray(image).reshape(-1, 3)
    pairs, counts = np.unique(np.column_stack([indices, pixels]), axis=0, return_counts=True)
    palette = np.array(few.getpalette(), np.uint8).reshape(-1, 3)
    of_index = np.bincount(indices, minlength=len(palette))
    for (index, *colour), count in zip(pairs, counts, strict=True):
        if 2 * count > of_index[index]:
            palette[index] = colour
    few.putpalette(palette.tobytes())
    few.save(HERE / f"page-{name}.png", optimize=True)


def visit(browser: Browser, url: str, **context: Any) -> Page:
    page = browser.new_context(reduced_motion="reduce", **context).new_page()
    page.set_default_timeout(120_000)  # on busy machines
    page.goto(url)
    return page


def example(browser: Browser, url: str, **context: Any) -> Page:
    page = visit(browser, url, **context)
    page.get_by_role("button", name="Try an example").click()
    page.locator(".verdict h3").wait_for()
    page.locator(".waveform").first.click(position={"x": 120, "y": 40})
    return page


def inside(page: Page) -> None:
    """The upper part of a look inside the example, a filter chosen and the pointer on a map."""
    page.set_viewport_size({"width": 1120, "height": 5000})  # nothing scrolls: the waveform keeps its place
    section = page.locator("#inside")
    section.get_by_role("button", name="Look inside").click()
    section.locator(".gallery button").nth(12).click()
    section.get_by_role("button", name="Hear what it hears").and_(page.locator(":enabled")).wait_for()
    section.locator(".heat").nth(2).hover(position={"x": 640, "y": 20})
    page.wait_for_timeout(600)
    save(section.screenshot(), "inspect", height=1300)


def lectures(browser: Browser, url: str) -> None:
    page = visit(browser, f"{url}/lectures", **DESK)
    section = page.locator("#digit")
    section.scroll_into_view_if_needed()
    section.get_by_role("button", name="Draw a 3 for me").click()
    section.locator("figure canvas").nth(4).wait_for()
    page.wait_for_timeout(600)
    save(section.screenshot(), "lectures")


def main() -> None:
    with running_service(models="digits") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = example(browser, server.url, **DESK)
        shot(page, "light")
        inside(page)
        lectures(browser, server.url)
        shot(example(browser, server.url, color_scheme="dark", **DESK), "dark")
        shot(example(browser, server.url, **PHONE), "phone")
        page = example(browser, server.url, **DESK)
        chords = {"name": "chords.wav", "mimeType": "audio/wav", "buffer": wav_bytes(music(24))}
        page.locator("#other-file").set_input_files(chords)
        page.locator("#comparison table").wait_for()
        shot(page, "compare")
        browser.close()


if __name__ == "__main__":
    main()
