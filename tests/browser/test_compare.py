"""Two results side by side, and what can be taken away."""

import csv
import io
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from audiocnn import Classifier
from tests.audio_files import music, wav_bytes
from tests.browser.hands import answered, drop

MINUS = "\N{MINUS SIGN}"


def downloaded(page: Page, button: str) -> tuple[str, str]:
    with page.expect_download() as found:
        page.get_by_role("button", name=button, exact=True).click()
    return found.value.suggested_filename, found.value.path().read_bytes().decode("utf-8")


def test_two_files_dropped_together_are_compared(page: Page, song: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(wav_bytes(music(5, seed=7)))
    page.goto("/")
    drop(page, song, other)
    expect(answered(page, 0)).to_contain_text("song.wav")
    expect(answered(page, 1)).to_contain_text("other.wav")
    table = page.locator("#comparison table")
    expect(table.get_by_role("row")).to_have_count(5)
    both = [
        {p.label: p.score for p in Classifier.load("genre").classify(file.read_bytes()).predictions}
        for file in (song, other)
    ]
    points = round(100 * (both[1]["rock"] - both[0]["rock"]))
    last = table.get_by_role("row", name="rock").get_by_role("cell").last
    expect(last).to_have_text(f"{'+' if points > 0 else '' if points else '±'}{points} points".replace("-", MINUS))
    page.get_by_role("button", name="Close the comparison").click()
    expect(page.locator("article.panel")).to_have_count(1)
    expect(table).to_have_count(0)


@pytest.mark.slow
def test_two_models_hear_the_same_file(page: Page, song: Path) -> None:
    page.goto("/")
    drop(page, song)
    answered(page)
    page.get_by_role("button", name="another model").click()
    expect(answered(page, 1)).to_contain_text("model digits")
    expect(page.locator("#comparison table")).to_have_count(0)  # they have no class in common
    page.locator("article.panel").nth(1).get_by_label("Model to compare with").select_option("genre")
    expect(page.locator("#comparison")).to_contain_text("Both hear")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="another file").click()
    chooser.value.set_files(song)
    expect(answered(page, 1)).to_contain_text("model genre")
    expect(page.locator("article.panel")).to_have_count(2)


def test_the_answer_can_be_downloaded_in_three_forms(page: Page, song: Path) -> None:
    result = Classifier.load("genre").classify(song.read_bytes())
    page.goto("/")
    drop(page, song)
    answered(page)

    name, text = downloaded(page, "JSON")
    assert name == "song.genre.json"
    answer = json.loads(text)
    assert [p["label"] for p in answer["predictions"]] == [p.label for p in result.predictions]
    assert len(answer["segments"]) == len(result.segments)

    name, text = downloaded(page, "CSV")
    assert name == "song.genre.csv"
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(result.segments)
    for row, segment in zip(rows, result.segments, strict=True):
        assert (float(row["start_s"]), row["silent"]) == (segment.segment.start_s, str(segment.silent).lower())
        if segment.silent:
            assert row["label"] == row["mood_label"] == ""
        else:
            assert row["label"] == segment.predictions[0].label
            assert abs(float(row["score"]) - segment.predictions[0].score) < 1e-6
            assert row["mood_label"] == segment.side["mood"][0].label

    name, text = downloaded(page, "Audacity labels")
    assert name == "song.genre.txt"
    lines = [line.split("\t") for line in text.splitlines()]
    assert all(len(line) == 3 for line in lines)
    spans = [(float(start), float(end)) for start, end, _ in lines]
    assert spans[0][0] == 0
    assert spans[-1][1] == 24
    assert all(start < end and not (start < 16 and end > 8) for start, end in spans)  # silence has no label
    assert all(label.split()[0] in Classifier.load("genre").spec.task.labels for _, _, label in lines)
