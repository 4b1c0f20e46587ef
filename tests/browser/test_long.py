"""A file of ten minutes: the page goes on answering while it is read, drawn, zoomed and played."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.audio_files import music, wav_bytes
from tests.browser.hands import answered, choose
from tests.browser.trace import traced

LONGEST_MS = 200


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    part = wav_bytes(music(3))
    data = bytearray(part[:44] + 200 * part[44:])
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    data[40:44] = (len(data) - 44).to_bytes(4, "little")
    path = tmp_path / "long.wav"
    path.write_bytes(data)
    return path


@pytest.mark.slow
def test_ten_minutes_never_hold_the_page_up(browser: Browser, page: Page, long_file: Path) -> None:
    page.goto("/")
    expect(page.get_by_text("tells apart")).to_be_visible()
    page.get_by_label("Model", exact=True).select_option("tiny")  # answers soon, for 2399 windows
    with traced(browser, page) as trace:
        choose(page, long_file)
        panel = answered(page)
        expect(panel.locator(".time")).to_have_text("0:00.0 / 10:00.0")
        wave = panel.get_by_role("slider", name="Position in the sound")
        for _ in range(8):
            wave.press("+")
        wave.press("End")
        wave.press("0")
        wave.press(" ")
        page.wait_for_timeout(500)
        panel.get_by_text("The timeline as a table").click()
        page.wait_for_timeout(200)
    assert len(trace.tasks_ms()) > 100
    assert max(trace.tasks_ms()) <= LONGEST_MS
