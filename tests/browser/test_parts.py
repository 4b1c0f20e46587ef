"""Sounds longer than the service takes at once: drawn without being held, and looked into in parts."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Locator, Page, expect

from tests.audio_files import WAV_SUBTYPES, encoded, noise, silence, tone, wav_bytes
from tests.browser.hands import answered, choose, colour, is_drawn, pixel, time_s, until
from tests.service.server import Server, running_service

AT_ONCE_S = 5
DASH = "\N{EN DASH}"
FIRST = f"Look inside 0:00.0 {DASH} 0:05.0"
_READ = """async data => {
    const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
    const file = new File([bytes], "x.wav");
    const {header, cut} = await import("/static/js/wav/header.js");
    const {samples} = await import("/static/js/wav/samples.js");
    const wav = await header(file);
    if (!wav) return null;
    const part = new Uint8Array(await cut(file, wav, 100, 300).arrayBuffer());
    return {
        ...wav, format: null, part: btoa(String.fromCharCode(...part)),
        samples: [...await samples(file, wav, 0, wav.length)], middle: [...await samples(file, wav, 100, 300)],
    };
}"""


@pytest.fixture(scope="module")
def server(tiny_model: Path) -> Iterator[Server]:
    with running_service(model=tiny_model, max_duration_s=AT_ONCE_S) as server:
        yield server


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of a tone, twenty of silence, twenty of noise."""
    path = tmp_path_factory.mktemp("long") / "minute.wav"
    parts = [tone(200, 20), silence(20), noise(20)]
    path.write_bytes(wav_bytes(np.concatenate(parts, axis=1)))
    return path


def read(page: Page, data: bytes) -> dict[str, Any] | None:
    """What the page makes of the bytes of a WAV file."""
    found: dict[str, Any] | None = page.evaluate(_READ, base64.b64encode(data).decode())
    return found


def wave_of(page: Page) -> Locator:
    return page.get_by_role("slider", name="Position in the sound")


@pytest.mark.parametrize("channels", [1, 2])
def test_every_encoding_is_read_as_libsndfile_reads_it(page: Page, channels: int) -> None:
    page.goto("/")
    sound = noise(0.05, channels=channels)
    for subtype in WAV_SUBTYPES:
        for container in ("WAV", "WAVEX", "RF64"):
            data = encoded(sound, format=container, subtype=subtype)
            found = read(page, data)
            if subtype in ("ULAW", "ALAW"):
                assert found is None
                continue
            assert found is not None, (subtype, container)
            expected, rate = soundfile.read(io.BytesIO(data), always_2d=True)
            assert (found["length"], found["sampleRate"], found["channels"]) == (len(expected), rate, channels)
            np.testing.assert_allclose(found["samples"], expected.mean(axis=1), atol=1e-6, err_msg=subtype)
            np.testing.assert_allclose(found["middle"], expected[100:300].mean(axis=1), atol=1e-6)
            part, _ = soundfile.read(io.BytesIO(base64.b64decode(found["part"])), always_2d=True)
            np.testing.assert_array_equal(part, expected[100:300])


def test_what_is_no_whole_wav_file_is_told_as_far_as_it_goes(page: Page) -> None:
    page.goto("/")
    data = wav_bytes(noise(0.1))
    short = read(page, data[:1001])
    assert short is not None
    assert short["length"] == (1001 - 44) // 2
    endless = bytearray(data)
    endless[40:44] = b"\xff\xff\xff\xff"
    whole = read(page, bytes(endless))
    assert whole is not None
    assert whole["length"] == 1600
    large = encoded(noise(0.1), format="RF64")
    assert large[:4] == b"RF64"
    found = read(page, large + b"LIST\4\0\0\0abcd")
    assert found is not None
    assert found["length"] == 1600
    for nothing in (b"", b"RIFF", data[:36], b"\0" * 100, data.replace(b"WAVE", b"AVI "), data[:20] + b"\0" * 50):
        assert read(page, nothing) is None, nothing


def test_a_long_wav_file_is_drawn_down_to_its_samples(page: Page, minute: Path) -> None:
    page.goto("/")
    choose(page, minute)
    answered(page)
    wave = wave_of(page)
    until(lambda: is_drawn(wave, 0.9, 0.5))
    assert is_drawn(wave, 0.1, 0.4)
    assert pixel(wave, 0.5, 0.3)[3] == 255, "silence is shaded"
    assert pixel(wave, 0.1, 0.05)[3] == 0, "the tone has half of full scale"
    wave.press("Home")
    for _ in range(15):
        wave.press("+")
    expect(page.get_by_role("button", name="Zoom in")).to_be_disabled()
    # Four periods of the tone in twenty milliseconds: a line that leaves its middle, and is thin.
    until(lambda: sum(is_drawn(wave, x / 50, 0.4) for x in range(50)) > 10)
    assert any(not is_drawn(wave, x / 50, 0.4) for x in range(50))


def test_a_part_of_a_long_file_can_be_looked_into(page: Page, minute: Path) -> None:
    page.goto("/")
    choose(page, minute)
    panel, inside = answered(page), page.locator("#inside")
    expect(inside.get_by_role("button", name=FIRST)).to_be_visible()
    box = wave_of(page).bounding_box()
    assert box
    wave_of(page).click(position={"x": 0.75 * box["width"], "y": 40})
    look = inside.get_by_role("button", name=re.compile(rf"Look inside 0:42\.\d {DASH} 0:47\.\d"))
    with page.expect_response("**/v1/inspect*") as response:
        look.click()
    seen = response.value.json()
    assert seen["audio"]["duration_s"] == AT_ONCE_S
    assert min(seen["silence"]["levels_db"]) > -12, "noise, of which the file has twenty seconds from 0:40 on"
    first = inside.locator(".heat").first
    expect(first).to_be_visible()
    expect(look).to_be_hidden()
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(inside.locator(".look-said")).to_contain_text(re.compile(r"at 0:4[45]\.\d\d"))
    assert is_drawn(inside.locator(".look-wave canvas"), 0.9, 0.4)

    inside.locator(".gallery button").nth(5).click()
    inside.get_by_role("button", name="Hear what it hears").click()
    until(lambda: time_s(panel) > 45.2)
    assert length_s(page) == pytest.approx(AT_ONCE_S, abs=0.01)
    inside.get_by_role("button", name="Back to the sound").click()
    until(lambda: length_s(page) == 60)
    assert time_s(panel) > 45

    inside.get_by_role("button", name="Hear what it hears").click()
    until(lambda: length_s(page) < 6)
    inside.locator("summary").click()
    inside.get_by_role("button", name="Show these maps").click()
    until(lambda: length_s(page) == 60)  # the maps are others, and nobody could lead back from their filter
    expect(inside.get_by_text("Choose a filter below")).to_be_visible()

    inside.locator(".gallery button").nth(5).click()
    inside.get_by_role("button", name="Hear what it hears").click()
    until(lambda: length_s(page) < 6)
    page.get_by_role("button", name="Whole").click()
    wave_of(page).press("Home")
    until(lambda: length_s(page) == 60)  # that moment is not in the part
    expect(inside.get_by_role("button", name="Hear what it hears")).to_be_visible()
    assert time_s(panel) == 0
    expect(inside.get_by_role("button", name=FIRST)).to_be_visible()


@pytest.mark.slow
def test_a_zoomed_view_is_the_part_and_the_maps_follow_it(page: Page, minute: Path) -> None:
    page.goto("/")
    choose(page, minute)
    answered(page)
    wave, inside = wave_of(page), page.locator("#inside")
    box = wave.bounding_box()
    assert box
    wave.click(position={"x": 0.32 * box["width"], "y": 40})  # less than a second before the silence
    for _ in range(4):
        wave.press("+")
    inside.get_by_role("button", name=re.compile("^Look inside 0:1")).click()
    first = inside.locator(".heat").first
    expect(first).to_be_visible()
    silent = colour(page, "--silence")

    def shown() -> int:
        """How many of twenty places are silent."""
        return sum(pixel(first, (x + 0.5) / 20, 0.5) == silent for x in range(20))

    until(lambda: 7 <= shown() <= 11)
    wave.press("+")
    until(lambda: 1 <= shown() <= 5)
    wave.press("0")
    until(lambda: 7 <= shown() <= 11)


@pytest.mark.slow
def test_what_the_browser_has_decoded_can_be_cut_and_what_it_cannot_decode_is_told(page: Page, tmp_path: Path) -> None:
    flac, aiff = tmp_path / "ten.flac", tmp_path / "ten.aiff"
    flac.write_bytes(encoded(noise(10)))
    aiff.write_bytes(encoded(noise(10), format="AIFF"))
    page.goto("/")
    inside = page.locator("#inside")
    choose(page, flac)
    answered(page)
    with page.expect_response("**/v1/inspect*") as response:
        inside.get_by_role("button", name=FIRST).click()
    assert response.value.json()["audio"]["format"] == "wav"
    expect(inside.locator(".heat").first).to_be_visible()
    choose(page, aiff)
    expect(answered(page).get_by_role("heading", name="ten.aiff")).to_be_visible()
    expect(inside.get_by_text("Save the part that interests you as a file of its own")).to_be_visible()
    expect(inside.get_by_role("button")).to_have_count(0)


@pytest.mark.slow
def test_a_short_sound_is_looked_into_as_a_whole(page: Page, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    short.write_bytes(wav_bytes(noise(4)))
    page.goto("/")
    choose(page, short)
    answered(page)
    inside = page.locator("#inside")
    expect(inside.get_by_role("button")).to_have_count(1)
    inside.get_by_role("button", name="Look inside", exact=True).click()
    expect(inside.locator(".heat").first).to_be_visible()


def length_s(page: Page) -> float:
    """Of what the player plays."""
    return float(page.evaluate("document.querySelector('audio').duration") or 0)
