"""Look inside: maps, receptive fields, filters that are seen and heard, and what is said when it does not work."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.audio_files import music, wav_bytes
from tests.browser.hands import answered, barriers, colour, drop, pixel, time_s, until
from tests.service.server import Server


@pytest.fixture(scope="module")
def seen(server: Server, song: Path) -> dict[str, Any]:
    """What the service sees in the song."""
    body: dict[str, Any] = server.client.post("/v1/inspect", content=song.read_bytes()).json()
    return body


def field_s(seen: dict[str, Any], name: str) -> float:
    """Of a value of this layer: seconds of sound."""
    field = next(layer["receptive_field"][0] for layer in seen["layers"] if layer["name"] == name)
    rate, window = seen["input"]["sample_rate"], seen["input"]["window"]
    return float(min(field, window) / rate)


def told(seconds: float) -> str:
    """A length of time as the page writes it."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def looked_into(page: Page, file: Path) -> Locator:
    page.goto("/")
    drop(page, file)
    answered(page)
    inside = page.locator("#inside")
    inside.get_by_role("button", name="Look inside", exact=True).click()
    expect(inside.locator(".heat").first).to_be_visible()
    return inside


def has(canvas: Locator, wanted: list[int], y: float) -> bool:
    return any(near(pixel(canvas, x / 60, y), wanted) for x in range(60))


def near(found: list[int], wanted: list[int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(found[:3], wanted[:3], strict=True)) and found[3] > 150


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_maps_of_each_resolution_lie_under_the_waveform(
    page: Page, song: Path, seen: dict[str, Any], scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    inside = looked_into(page, song)
    assert inside.locator(".heat").count() == len(seen["features"]) > 2
    expect(inside.get_by_role("heading", name=seen["features"][0]["layer"])).to_be_visible()
    first = inside.locator(".heat").first
    assert near(pixel(first, 0.5, 0.5), colour(page, "--silence")), "silence is shown as silence"
    tones = {tuple(pixel(first, x / 40, 0.9)) for x in range(12)}
    assert len(tones) > 3, "and music as a pattern"
    expect(inside.locator(".keys li").first).to_contain_text("%")
    assert barriers(page) == []
    inside.locator(".gallery button").first.click()
    inside.locator("summary").click()
    expect(inside.get_by_role("button", name="Hear what it hears")).to_be_enabled()
    assert barriers(page) == []


@pytest.mark.slow
def test_pointing_at_a_map_shows_what_the_value_depends_on(page: Page, song: Path, seen: dict[str, Any]) -> None:
    first_layer, last_layer = (seen["features"][place]["layer"] for place in (0, -1))
    inside = looked_into(page, song)
    wave, said = inside.locator(".look-wave canvas"), inside.locator(".look-said")
    edge = colour(page, "--field-edge")
    assert not has(wave, edge, 0.03)
    deep = inside.locator(".heat").last
    deep.scroll_into_view_if_needed()
    deep.hover(position={"x": 200, "y": 20})
    sees = told(field_s(seen, last_layer))
    expect(said).to_contain_text(re.compile(rf"{re.escape(last_layer)}, channel \d+, .*at 0:0.* It depends on {sees} "))
    until(lambda: any(pixel(wave, x / 400, 0.03) == edge for x in range(400)))
    page.mouse.move(0, 0)
    expect(said).to_contain_text("Point at a map")
    first = inside.locator(".heat").first
    first.focus()
    page.keyboard.press("ArrowRight")
    sees = told(field_s(seen, first_layer))
    expect(said).to_contain_text(re.compile(rf"{re.escape(first_layer)}, channel \d+, at .* It depends on {sees} "))


@pytest.mark.slow
def test_a_filter_is_seen_where_it_responds_and_heard(page: Page, song: Path, seen: dict[str, Any]) -> None:
    inside = looked_into(page, song)
    assert inside.locator(".gallery button").count() == len(seen["filters"]["order"])
    wave = inside.locator(".look-wave canvas")
    chosen = inside.locator(".gallery button").nth(12)
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    hear = inside.get_by_role("button", name="Hear what it hears")
    expect(hear).to_be_enabled()
    response = colour(page, "--field-edge")
    until(lambda: has(wave, response, 0.5))
    hear.click()
    panel = answered(page)
    expect(
        inside.get_by_text(re.compile(r"The player plays what the filter lets through, \d+ dB (louder|softer)"))
    ).to_be_visible()
    until(lambda: time_s(panel) > 0.2)
    inside.get_by_role("button", name="Back to the sound").click()
    chosen.click()
    expect(inside.get_by_text("Choose a filter below")).to_be_visible()
    until(lambda: not has(wave, response, 0.5))


@pytest.mark.slow
def test_other_layers_can_be_chosen(page: Page, song: Path, seen: dict[str, Any]) -> None:
    shown = {feature["layer"] for feature in seen["features"]}
    other = next(layer["name"] for layer in seen["layers"] if layer["mapped"] and layer["name"] not in shown)
    unmapped = next(layer["name"] for layer in seen["layers"] if not layer["mapped"])
    inside = looked_into(page, song)
    inside.get_by_text(f"All {len(seen['layers'])} layers").click()
    while inside.locator("input:checked").count():
        inside.locator("input:checked").first.uncheck()
    show = inside.get_by_role("button", name="Show these maps")
    show.click()
    expect(inside.get_by_text("Choose 1 to 12 layers")).to_be_visible()
    expect(inside.get_by_role("checkbox", name=f"Show {unmapped}", exact=True)).to_be_disabled()
    inside.get_by_role("checkbox", name=f"Show {other}", exact=True).check()
    show.click()
    expect(inside.get_by_role("heading", name=other, exact=True)).to_be_visible()
    expect(inside.locator(".heat")).to_have_count(1)


@pytest.mark.slow
def test_a_refusal_is_told_in_plain_words(page: Page, song: Path) -> None:
    problem = {"status": 422, "code": "not_inspectable", "detail": "x", "request_id": "1"}
    page.route(
        "**/v1/inspect*",
        lambda route: route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem)),
    )
    page.goto("/")
    drop(page, song)
    answered(page)
    page.locator("#inside").get_by_role("button", name="Look inside", exact=True).click()
    expect(page.locator("#inside").get_by_role("alert")).to_contain_text("This model cannot be looked into")


@pytest.mark.slow
def test_another_file_begins_anew(page: Page, song: Path) -> None:
    inside = looked_into(page, song)
    drop(page, song)
    expect(inside.get_by_role("button", name="Look inside", exact=True)).to_be_visible()
    expect(inside.locator(".heat")).to_have_count(0)


@pytest.mark.slow
def test_a_part_of_what_could_be_looked_into_as_a_whole(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "minute.wav"
    file.write_bytes(wav_bytes(np.tile(music(5), (1, 14))))
    inside = looked_into(page, file)
    part = inside.get_by_role("button", name="Look inside 0:00.0")
    with page.expect_response("**/v1/inspect*") as response:
        part.click()
    assert response.value.json()["audio"]["duration_s"] == 30
    expect(part).to_be_hidden()
    expect(inside.get_by_role("button", name="Look inside", exact=True)).to_be_visible()


@pytest.mark.slow
def test_it_fits_a_phone(page: Page, song: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    inside = looked_into(page, song)
    inside.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_everything_can_be_reached_and_done_with_keys(page: Page, song: Path, seen: dict[str, Any]) -> None:
    page.goto("/")
    drop(page, song)
    answered(page)
    inside = page.locator("#inside")
    inside.get_by_role("button", name="Look inside", exact=True).press("Enter")
    expect(inside.locator(".look")).to_be_focused()
    active = "document.activeElement"
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        if not page.evaluate(f"{active}.closest('.look') !== null"):
            break
        stops.append(page.evaluate(f"{active}.getAttribute('aria-label') ?? {active}.textContent"))
        assert page.evaluate(f"getComputedStyle({active}).outlineStyle") != "none", stops
    maps = [f"Map of {feature['layer']}; walk over it with the arrow keys" for feature in seen["features"]]
    assert stops[: len(maps)] == maps
    assert stops[len(maps)].startswith(f"All {len(seen['layers'])} layers")
    assert len(stops) == len(maps) + 2, "the filters are one stop"
    first = inside.locator(".gallery button").first
    first.focus()
    for key, chosen in (("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowDown", None), ("Home", 0), ("End", -1)):
        page.keyboard.press(key)
        if chosen is not None:
            expect(inside.locator(".gallery button").nth(chosen)).to_be_focused()
        else:
            expect(first).not_to_be_focused()
    page.keyboard.press("Enter")
    hear = inside.get_by_role("button", name="Hear what it hears")
    expect(hear).to_be_enabled()
    page.keyboard.press("Shift+Tab")
    expect(hear).to_be_focused()
    page.keyboard.press("Enter")
    expect(inside.get_by_role("button", name="Back to the sound")).to_be_focused()
    until(lambda: time_s(answered(page)) > 0.1)
