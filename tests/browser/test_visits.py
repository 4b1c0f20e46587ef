"""What else visitors bring and do: several files at once, no network, no microphone, other colours."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.audio_files import encoded, noise, tone, wav_bytes
from tests.browser.hands import answered, choose, colour, drop, is_drawn, pixel, refused, until

DENIED = """name => {
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("x", name); };
}"""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Four seconds each, the third in a format that browsers do not decode."""
    sounds = {
        "first.wav": wav_bytes(tone(300, 4)),
        "second.flac": encoded(tone(600, 4)),
        "third.aiff": encoded(tone(900, 4), format="AIFF"),
    }
    for name, data in sounds.items():
        (tmp_path / name).write_bytes(data)
    return [tmp_path / name for name in sounds]


def test_a_file_may_come_before_the_models_are_known(page: Page, files: list[Path]) -> None:
    waiting: list[Route] = []
    page.route("**/v1/models", lambda route: waiting.append(route))
    page.goto("/")
    drop(page, files[0])
    until(lambda: page.evaluate("1") == 1 and len(waiting) > 0)
    waiting[0].continue_()
    expect(answered(page).get_by_role("heading", name="first.wav")).to_be_visible()


@pytest.mark.slow
def test_who_wants_to_look_inside_nothing_is_told_what_to_do_first(page: Page, files: list[Path]) -> None:
    page.goto("/")
    said = page.get_by_text("To look inside, give it a sound first")
    expect(said).to_be_hidden()
    page.get_by_role("navigation").get_by_role("link", name="Look inside").click()
    expect(said).to_be_visible()
    page.goto("/lectures")
    page.get_by_role("navigation").get_by_role("link", name="Look inside").click()
    expect(said).to_be_visible()
    drop(page, files[0])
    answered(page)
    expect(said).to_be_hidden()
    page.get_by_role("navigation").get_by_role("link", name="Look inside").click()
    expect(page.locator("#inside")).to_be_in_viewport()
    expect(said).to_be_hidden()


@pytest.mark.slow
def test_of_three_files_the_first_two_are_compared_and_that_is_said(page: Page, files: list[Path]) -> None:
    page.goto("/")
    drop(page, *files)
    expect(answered(page, 1).get_by_role("heading", name="second.flac")).to_be_visible()
    said = page.get_by_role("status").filter(has_text="these are the first two of 3")
    expect(said).to_be_visible()
    expect(page.locator("article.panel")).to_have_count(2)
    drop(page, files[0])
    expect(said).to_be_hidden()


@pytest.mark.slow
def test_what_comes_later_is_shown_whatever_is_answered_last(page: Page, files: list[Path]) -> None:
    page.goto("/")
    waiting: list[Route] = []
    page.route("**/classify?*", lambda route: waiting.append(route) if not waiting else route.continue_())
    drop(page, files[0])
    expect(page.get_by_text("Listening")).to_be_visible()
    assert is_drawn(page.locator(".waveform"), 0.5, 0.4), "what the browser can do itself does not wait"
    drop(page, files[1])
    panel = answered(page)
    expect(panel.get_by_role("heading", name="second.flac")).to_be_visible()
    waiting[0].continue_()
    page.wait_for_timeout(1000)
    expect(panel.locator("header .quiet")).to_contain_text("flac")
    expect(page.get_by_text("Listening")).to_be_hidden()


@pytest.mark.slow
def test_without_a_waveform_there_is_a_ruler(page: Page, files: list[Path]) -> None:
    page.goto("/")
    drop(page, files[2])
    panel = answered(page)
    expect(panel.locator("header .quiet")).to_contain_text("no waveform: your browser cannot decode this format")
    wave = panel.get_by_role("slider", name="Position in the sound")
    until(lambda: wave.evaluate("canvas => canvas.clientHeight") == 22)
    assert is_drawn(wave, 0.5, 1)
    drop(page, files[0])
    until(lambda: wave.evaluate("canvas => canvas.clientHeight") > 100)


@pytest.mark.slow
def test_a_file_that_is_not_there_any_more_is_told(page: Page, files: list[Path]) -> None:
    page.goto("/")
    choose(page, files[0])
    answered(page)
    files[0].write_bytes(wav_bytes(noise(9)))
    page.get_by_label("Model", exact=True).select_option("digits")
    expect(refused(page)).to_contain_text("The browser cannot read this file")
    drop(page, files[1])
    answered(page)


@pytest.mark.slow
def test_without_a_network_the_page_says_so_and_goes_on_when_it_is_back(page: Page, files: list[Path]) -> None:
    page.goto("/")
    expect(page.get_by_text("tells apart")).to_be_visible()
    page.context.set_offline(True)
    drop(page, files[0])
    said = refused(page)
    expect(said).to_contain_text("You are offline")
    page.get_by_role("link", name="Limits").click()
    expect(page.get_by_role("dialog")).to_contain_text("You are offline")
    page.keyboard.press("Escape")
    page.context.set_offline(False)
    said.get_by_role("button", name="Try again").click()
    answered(page)
    expect(said).to_be_hidden()
    expect(page.locator("#inside")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "words"),
    [("NotAllowedError", "The microphone is not allowed for this page"), ("NotFoundError", "There is no microphone")],
)
def test_no_microphone(page: Page, error: str, words: str) -> None:
    page.goto("/")
    page.evaluate(DENIED, error)
    record = page.get_by_role("button", name="Record")
    record.click()
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()
    expect(record).to_be_enabled()


@pytest.mark.slow
def test_a_name_from_right_to_left_stays_in_one_piece(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET} (2).wav"
    file.write_bytes(wav_bytes(tone(300, 4)))
    page.goto("/")
    drop(page, file, file)
    answered(page, 1)
    expect(page.locator("#comparison th bdi")).to_have_text([file.name, file.name])
    left = """bdi => {
        const at = place => {
            const range = document.createRange();
            range.setStart(bdi.firstChild, place);
            range.setEnd(bdi.firstChild, place + 1);
            return range.getBoundingClientRect().left;
        };
        return [at(0), at(bdi.textContent.length - 1)];
    }"""
    first, last = page.locator("article.panel h2 bdi").first.evaluate(left)
    assert first > last, "the name's own direction, with its end on the left"


@pytest.mark.slow
def test_pictures_keep_their_colours_where_the_system_decides_about_them(page: Page, files: list[Path]) -> None:
    page.goto("/")
    wanted: dict[str, Any] = {name: colour(page, name) for name in ("--wave", "--class-0")}
    page.emulate_media(forced_colors="active")
    page.goto("/")
    drop(page, files[0])
    panel = answered(page)
    wave = panel.locator(".waveform")
    until(lambda: pixel(wave, 0.5, 0.42)[:3] == wanted["--wave"][:3])
    fill = panel.locator(".all-scores .fill").first
    assert fill.evaluate("e => getComputedStyle(e).backgroundColor") not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")
    current = page.get_by_role("navigation").get_by_role("link", name="Classify")
    assert current.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
