"""The lectures' page: every example shows the lectures' numbers, by mouse and by keys, and follows the visitor."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.hands import barriers, pixel, until


def example(page: Page, name: str) -> Locator:
    page.goto("/lectures")
    section = page.locator(f"#{name}")
    section.scroll_into_view_if_needed()
    return section


def values(section: Locator, label: str) -> str:
    """What a drawing of bars says of itself."""
    canvas = section.get_by_role("img", name=re.compile(f"^{label}: "))
    expect(canvas).to_be_visible()
    return (canvas.get_attribute("aria-label") or "").partition(": ")[2]


def said_in(section: Locator) -> Locator:
    """The line below an example; what a slider shows has the same role."""
    return section.locator("p[role=status]")


def pull(section: Locator, label: str, value: int) -> None:
    section.get_by_label(label).fill(str(value))


def test_a_filter_slides_and_every_weight_can_be_changed(page: Page) -> None:
    section = example(page, "slide")
    assert values(section, "The filter's answers") == "1, 3, 1, -4, -5, 0, 5, 2, -2, -1"
    pull(section, "Position", 3)
    expect(said_in(section)).to_have_text("-1·3 + 0·2 + 1·-1 = -4")
    section.get_by_label("Weight 2").fill("2")
    expect(said_in(section)).to_have_text("-1·3 + 2·2 + 1·-1 = 0")


@pytest.mark.slow
def test_the_silence_filter_has_the_lectures_answers(page: Page) -> None:
    section = example(page, "slide")
    section.get_by_role("button", name="The silence filter").click()
    expect(section.get_by_role("img", name=re.compile("^The sigmoid"))).to_be_visible()
    assert values(section, "The filter's answers") == "2.9, 1.2, 1.6, 2.3, 2.9, 2.4, 1.5, 0.2, -0.6"
    assert values(section, "The sigmoid of each answer") == "0.95, 0.77, 0.83, 0.91, 0.95, 0.92, 0.82, 0.55, 0.35"
    pull(section, "Position", 8)
    expect(said_in(section)).to_have_text(re.compile(r"\(-0.6\) = 0.35$"))


@pytest.mark.slow
def test_padding_keeps_the_length_and_a_stride_divides_it(page: Page) -> None:
    section = example(page, "sizes")
    said = said_in(section)
    expect(said).to_contain_text("= 10 positions of 12")
    pull(section, "Zeros on each side", 1)
    expect(said).to_contain_text("= 12 positions of 12")
    pull(section, "Stride", 3)
    expect(said).to_have_text(re.compile(r"3 \+ 2 \+ 3\) / 3. = 4 positions of 12$"))


@pytest.mark.slow
def test_pools(page: Page) -> None:
    section = example(page, "pooling")
    assert values(section, "Pooled") == "2.9, 2.9, 1.5"
    section.get_by_role("button", name="Mean").click()
    until(lambda: values(section, "Pooled") == "1.9, 2.53, 0.37")


@pytest.mark.slow
def test_answers_move_with_the_sound(page: Page) -> None:
    section = example(page, "shift")
    before = values(section, "The filter .* answers").split(", ")
    pull(section, "Move the click by", 5)
    expect(said_in(section)).to_have_text("Moved by 5: the answers are the same, moved by as much.")
    assert values(section, "The filter .* answers").split(", ")[5:] == before[:-5]


@pytest.mark.slow
def test_cross_correlation(page: Page) -> None:
    section = example(page, "correlation")
    answer = section.get_by_role("table", name="Answer: point at a number")
    assert answer.inner_text().split()[-4:] == ["19", "25", "37", "43"]
    answer.get_by_role("button", name="43").hover()
    expect(said_in(section)).to_have_text("0·4 + 1·5 + 2·7 + 3·8 = 43")
    section.get_by_role("button", name="Strides 3 and 2").click()
    until(lambda: answer.inner_text().split()[-4:] == ["0", "8", "6", "8"])
    answer.get_by_role("button", name="6").press("Enter")
    expect(said_in(section)).to_have_text("0·0 + 1·6 + 2·0 + 3·0 = 6")


@pytest.mark.slow
def test_the_volume_of_cs231n(page: Page) -> None:
    section = example(page, "volume")
    first = section.get_by_role("table", name="Answer of filter 0")
    assert first.inner_text().split()[-9:] == ["5", "0", "-2", "-2", "-3", "0", "-4", "-9", "-1"]
    section.get_by_role("button", name="Filter 1").click()
    second = section.get_by_role("table", name="Answer of filter 1")
    assert second.inner_text().split()[-9:] == ["8", "-1", "7", "4", "4", "8", "4", "9", "7"]
    second.get_by_role("button", name="9").click()
    expect(said_in(section)).to_contain_text(": 9")


def test_a_drawn_digit_is_read(page: Page) -> None:
    section = example(page, "digit")
    said = said_in(section)
    for digit in range(10):
        section.get_by_role("button", name=f"Draw a {digit} for me").click()
        expect(said).to_contain_text(f"This is a {digit}, says LeNet-5")
    section.get_by_role("button", name="Clear").click()
    pad = section.get_by_role("img", name=re.compile("^Draw a digit"))
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    assert pixel(pad, 0.5, 0.5)[3] == 0
    page.mouse.move(box["x"] + 112, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 112, box["y"] + 195, steps=5)
    page.mouse.up()
    expect(said).to_contain_text("This is a 1, says LeNet-5")
    assert section.locator("figure canvas").count() == 5
    section.get_by_role("button", name="Pixels shuffled").click()
    expect(said).to_contain_text("neighbours are not neighbours any more")


@pytest.mark.slow
def test_shuffled_pixels_are_all_the_same_to_a_perceptron(page: Page) -> None:
    section = example(page, "neighbours")
    said = said_in(section)
    for digit in (0, 3, 7):
        section.get_by_role("button", name=f"Draw a {digit} for me").click()
        expect(said).to_contain_text(f"The perceptron reads {digit} in order and {digit} shuffled.")
    expect(section.get_by_role("list", name=re.compile("^Scores: "))).to_have_count(4)
    shown = section.locator("figure canvas")
    before = [pixel(shown.nth(i), 0.5, 0.5) for i in range(2)]
    assert before[0] != before[1], "the middle of a 7 is ink, and what is there of the shuffled one is not"
    pull(section, "Move the digit to the right by", 4)
    expect(said).to_contain_text("The perceptron reads 7 in order and 7 shuffled.")
    until(lambda: [pixel(shown.nth(i), 0.5, 0.5) for i in range(2)] != before)


@pytest.mark.slow
def test_a_refusal_is_told(page: Page) -> None:
    problem = json.dumps({"status": 503, "code": "overloaded", "detail": "x", "request_id": "1"})
    page.route(
        "**/v1/lectures/*",
        lambda route: route.fulfill(status=503, content_type="application/problem+json", body=problem),
    )
    expect(example(page, "slide").get_by_role("alert")).to_contain_text("The service is busy")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_nothing_bars_the_way(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    for name in ("slide", "volume", "digit", "neighbours"):
        section = example(page, name) if name == "slide" else page.locator(f"#{name}")
        section.scroll_into_view_if_needed()
        expect(section.locator("canvas, table").first).to_be_visible()
    for name in ("digit", "neighbours"):
        expect(page.locator(f"#{name} figure").first).to_be_visible()
    assert barriers(page) == []


@pytest.mark.slow
def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    example(page, "digit")
    expect(page.locator("#digit figure").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
