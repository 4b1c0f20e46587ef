"""Makes the screenshots of the page from its own example, in Debian's Chromium: python -m docs.images.page"""

import io
import shutil
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.audio_files import music, wav_bytes
from tests.service.server import running_service

HERE = Path(__file__).parent
DESK = {"viewport": {"width": 1120, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 800}, "device_scale_factor": 1.5, "is_mobile": True, "has_touch": True}


def shot(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)  # bars have grown
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    few = image.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(HERE / f"page-{name}.png", optimize=True)


def example(browser: Browser, url: str, **context: Any) -> Page:
    page = browser.new_context(base_url=url, reduced_motion="reduce", **context).new_page()
    page.goto("/")
    page.get_by_role("button", name="Try an example").click()
    page.locator(".verdict h3").wait_for()
    page.locator(".waveform").first.click(position={"x": 120, "y": 40})
    return page


def main() -> None:
    with running_service(models="digits") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shot(example(browser, server.url, **DESK), "light")
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
