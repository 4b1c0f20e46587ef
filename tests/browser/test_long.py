"""A file of ten minutes: the page goes on answering while it is read, drawn, zoomed and played.

Chromium's trace tells the processor time of each task on the page's main thread; what else runs on a busy machine,
which the Long Tasks API counts in, is not the page's doing.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.audio_files import music, wav_bytes
from tests.browser.hands import answered, choose

LONGEST_MS = 200
_TASKS = "disabled-by-default-devtools.timeline"


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    part = wav_bytes(music(3))
    data = bytearray(part[:44] + 200 * part[44:])
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    data[40:44] = (len(data) - 44).to_bytes(4, "little")
    path = tmp_path / "long.wav"
    path.write_bytes(data)
    return path


def tasks_ms(trace: dict[str, Any]) -> Iterator[float]:
    """Processor time of every task of the page's main thread."""
    events = trace["traceEvents"]
    names = {(one["pid"], one["tid"]): one["args"]["name"] for one in events if one["name"] == "thread_name"}
    for event in events:
        if event["name"] == "RunTask" and names[event["pid"], event["tid"]] == "CrRendererMain":
            yield event["tdur"] / 1000


def test_ten_minutes_never_hold_the_page_up(browser: Browser, page: Page, long_file: Path) -> None:
    page.goto("/")
    expect(page.get_by_text("tells apart")).to_be_visible()
    page.get_by_label("Model", exact=True).select_option("tiny")  # answers soon, for 2399 windows
    browser.start_tracing(page=page, categories=[_TASKS])
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
    took_ms = list(tasks_ms(json.loads(browser.stop_tracing())))
    assert len(took_ms) > 100
    assert max(took_ms) <= LONGEST_MS
