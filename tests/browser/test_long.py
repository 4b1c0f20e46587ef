"""A file of ten minutes: the page goes on answering while it is read, drawn, zoomed and played."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.audio_files import music, wav_bytes
from tests.browser.hands import answered, choose

LONGEST_MS = 200
_WATCH = """() => {
    window.longTasks = [];
    new PerformanceObserver(list => longTasks.push(...list.getEntries().map(one => one.duration)))
        .observe({type: "longtask"});
}"""


def test_ten_minutes_never_hold_the_page_up(page: Page, tmp_path: Path) -> None:
    part = wav_bytes(music(3))
    header, samples = part[:44], part[44:]
    data = bytearray(header + 200 * samples)
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    data[40:44] = (len(data) - 44).to_bytes(4, "little")
    file = tmp_path / "long.wav"
    file.write_bytes(data)

    worst_ms = LONGEST_MS + 1.0
    for _ in range(3):  # whatever else runs on this machine makes tasks longer; our own do not get shorter
        page.goto("/")
        expect(page.get_by_text("tells apart")).to_be_visible()
        page.get_by_label("Model", exact=True).select_option("tiny")  # answers soon, for 2399 windows
        page.evaluate(_WATCH)
        choose(page, file)
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
        worst_ms = min(worst_ms, max(page.evaluate("longTasks"), default=0.0))
        if worst_ms <= LONGEST_MS:
            break
    assert worst_ms <= LONGEST_MS
