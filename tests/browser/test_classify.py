"""A visitor's sound on the page: what is said, drawn, played, and reached with keys."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from audiocnn import Classifier
from audiocnn.prediction import Estimate
from tests.audio_files import noise, silence, wav_bytes
from tests.browser.hands import answered, choose, colour, drop, is_drawn, pixel, time_s, until

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_a_dropped_file_gets_the_librarys_answer(page: Page, song: Path) -> None:
    result = Classifier.load("genre").classify(song.read_bytes())
    page.goto("/")
    drop(page, song)
    panel = answered(page)
    expect(panel.get_by_role("heading", name="song.wav")).to_be_visible()
    title = result.labels[0] if result.labels else "Not sure"
    expect(panel.locator(".verdict h3")).to_have_text(title)
    rows = panel.locator(".all-scores .bars li")
    shown = [(row.locator(".name").inner_text(), row.locator(".value").inner_text()) for row in rows.all()]
    assert [name.removesuffix(" ✓").lower() for name, _ in shown] == [p.label for p in result.predictions]
    for (_, text), prediction in zip(shown, result.predictions, strict=True):
        if 0.01 <= prediction.score <= 0.99:
            assert text == f"{round(100 * prediction.score)} %"
    expect(panel.locator(".side")).to_contain_text("mood")
    expect(panel.locator(".all-scores")).to_contain_text("Calibrated")


def test_silence_is_shaded_and_the_leading_class_is_a_band(page: Page, song: Path) -> None:
    page.goto("/")
    drop(page, song)
    panel = answered(page)
    shade = colour(page, "--silence")
    for canvas in (panel.locator(".waveform"), panel.locator(".band"), panel.locator(".lanes")):
        assert pixel(canvas, 0.45, 0.1) == shade
        assert pixel(canvas, 0.1, 0.1) != shade
    first = Classifier.load("genre").classify(song.read_bytes()).segments[0].predictions[0]
    index = Classifier.load("genre").spec.task.labels.index(first.label)
    red, green, blue, _ = pixel(panel.locator(".band"), 0.02, 0.1)
    assert [red, green, blue] == colour(page, f"--class-{index}")[:3] or first.score < 0.5
    panel.get_by_text("The timeline as a table").click()
    expect(panel.get_by_role("row", name=re.compile("Play 0:08.0 . 0:16.0 silence"))).to_be_visible()


def test_playing_moves_the_line_and_clicking_the_band_plays_that_moment(page: Page, song: Path) -> None:
    page.goto("/")
    drop(page, song)
    panel = answered(page)
    panel.get_by_role("button", name="Play", exact=True).click()
    pause = panel.get_by_role("button", name="Pause")
    expect(pause).to_be_visible()
    until(lambda: time_s(panel) > 0.2)
    pause.click()
    expect(panel.get_by_role("button", name="Play", exact=True)).to_be_visible()
    band = panel.get_by_role("slider", name="Leading class")
    box = band.bounding_box()
    assert box
    band.click(position={"x": 0.75 * box["width"], "y": 10})
    expect(pause).to_be_visible()
    until(lambda: time_s(panel) > 18)
    expect(panel.locator(".readout")).to_contain_text(re.compile(r"At 0:\d\d\.\d: \w+ .*%"))


def test_everything_over_time_can_be_done_with_keys(page: Page, song: Path) -> None:
    page.goto("/")
    drop(page, song)
    panel = answered(page)
    wave = panel.get_by_role("slider", name="Position in the sound")
    wave.press("End")
    assert time_s(panel) == 24
    wave.press("Home")
    assert time_s(panel) == 0
    wave.press("ArrowRight")
    wave.press("PageUp")
    assert 5 < time_s(panel) < 6
    before = pixel(wave, 0.45, 0.1)
    wave.press("+")
    wave.press("+")
    assert pixel(wave, 0.45, 0.1) != before  # silence is elsewhere now
    expect(panel.get_by_role("button", name="Zoom out")).to_be_enabled()
    wave.press("0")
    assert pixel(wave, 0.45, 0.1) == before
    expect(panel.get_by_role("button", name="Zoom out")).to_be_disabled()
    wave.press(" ")
    expect(panel.get_by_role("button", name="Pause")).to_be_visible()
    wave.press(" ")
    band = panel.get_by_role("slider", name="Leading class")
    wave.press("Home")
    band.press("ArrowRight")
    assert time_s(panel) > 0


@pytest.mark.slow
def test_zoom_with_the_wheel_goes_down_to_single_samples(page: Page, song: Path) -> None:
    page.goto("/")
    drop(page, song)
    panel = answered(page)
    wave = panel.locator(".waveform")
    wave.hover(position={"x": 100, "y": 40})
    page.keyboard.down("Control")
    for _ in range(30):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    expect(panel.get_by_role("button", name="Zoom in")).to_be_disabled()
    assert is_drawn(wave, 0.5, 0.8)
    page.mouse.wheel(200, 0)
    panel.get_by_role("button", name="Whole").click()
    expect(panel.get_by_role("button", name="Zoom in")).to_be_enabled()


def test_the_example_works_with_one_click(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Try an example").click()
    panel = answered(page)
    expect(panel.get_by_text("Silence: too quiet to judge")).to_be_visible()


@pytest.mark.slow
def test_a_model_that_abstains_is_not_sure_and_silence_is_silence(page: Page, tmp_path: Path) -> None:
    hiss, nothing = tmp_path / "hiss.wav", tmp_path / "nothing.wav"
    hiss.write_bytes(wav_bytes(noise(3)))
    nothing.write_bytes(wav_bytes(silence(3)))
    digits = Classifier.load("digits")
    assert digits.classify(hiss.read_bytes()).labels == ()
    page.goto("/")
    page.get_by_label("Model", exact=True).select_option("digits")
    drop(page, hiss)
    expect(answered(page).locator(".verdict")).to_contain_text("Not sure")
    expect(page.locator(".verdict")).to_contain_text(f"from {digits.spec.task.unknown_below:.0%} on".replace("%", " %"))
    drop(page, nothing)
    expect(page.locator(".verdict h3")).to_have_text("Silence")


@pytest.mark.slow
def test_another_model_answers_for_the_same_file(page: Page, song: Path) -> None:
    page.goto("/")
    drop(page, song)
    expect(answered(page)).to_contain_text("model genre")
    page.get_by_label("Model", exact=True).select_option("digits")
    expect(answered(page)).to_contain_text("model digits")
    expect(page.get_by_text("tells apart: 0, 1, 2")).to_be_visible()
    assert page.get_by_role("link", name="Limits").get_attribute("href") == "card?model=digits#limits"


@pytest.mark.slow
def test_tags_and_estimates_are_told_as_what_they_are(
    page: Page, song: Path, tags_model: Path, tempo_model: Path
) -> None:
    tags = Classifier.load(tags_model).classify(song.read_bytes())
    tempo = Classifier.load(tempo_model).classify(song.read_bytes())
    assert isinstance(tempo.predictions[0], Estimate)
    page.goto("/")
    page.get_by_label("Model", exact=True).select_option("tags")
    expect(page.get_by_text("hears any of: bark, bell")).to_be_visible()
    drop(page, song)
    panel = answered(page)
    expect(panel.locator(".verdict h3")).to_have_text(", ".join(tags.labels) or "Not sure")
    expect(panel.locator(".all-scores .tick")).to_have_count(len(tags.labels))
    expect(panel.locator(".all-scores")).to_contain_text("they do not add up")
    page.get_by_label("Model", exact=True).select_option("tempo")
    expect(panel.locator(".verdict h3")).to_have_text(f"{tempo.predictions[0].value:.4g} BPM")
    expect(panel.locator(".lanes")).to_be_visible()
    expect(panel.locator(".band")).to_be_hidden()
    expect(panel.locator(".readout")).to_contain_text("BPM")
    with page.expect_download() as labels:
        panel.get_by_role("button", name="Audacity labels").click()
    first = labels.value.path().read_text().splitlines()[0].split("\t")
    assert re.fullmatch(r"tempo [\d.]+ BPM", first[2])


@pytest.mark.slow
def test_a_video_is_shown_with_its_answer(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Model", exact=True).select_option("moving-digits")
    expect(page.get_by_role("button", name="Record")).to_be_hidden()
    choose(page, EXAMPLES / "south.mp4")
    panel = answered(page)
    expect(panel.locator(".verdict h3")).to_have_text("south")
    expect(panel.locator("video")).to_be_visible()
    expect(panel.locator(".waveform")).to_be_hidden()
    expect(panel.locator(".band")).to_be_visible()


@pytest.mark.slow
def test_the_microphone_is_recorded_and_answered(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Record").click()
    stop = page.get_by_role("button", name=re.compile("Stop, 0:0[2-9]"))
    expect(stop).to_be_visible()
    stop.click()
    panel = answered(page)
    expect(panel.get_by_role("heading", name="recording.wav")).to_be_visible()
    expect(panel).to_contain_text("mono · wav")
    wave = panel.locator(".waveform")
    assert any(is_drawn(wave, x / 100, 0.3) for x in range(100))  # the fake device beeps once a second
