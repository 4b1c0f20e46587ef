"""The table for people: nothing a file name holds is obeyed by the terminal."""

import dataclasses
import io

import pytest
from rich.console import Console

from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import FileResult, TagOutcome
from audiocnn.cli.table import TableWriter, clock, printable
from audiocnn.prediction import Estimate, Prediction
from tests.batch.answers import answered, estimated, failed, pictured


def table(*files, segments=False, width=100):
    console = Console(file=io.StringIO(), width=width)
    writer = TableWriter(console, Selection(2, segments=segments))
    for file in files:
        writer.write(file)
    return console.file.getvalue()


def test_a_file_has_its_length_and_its_labels_best_first():
    (header, row) = table(answered("a.wav")).splitlines()
    assert header.split() == ["File", "Time", "Labels"]
    assert row.split() == ["a.wav", "0:06.0", "rock", "0.70", "pop", "0.20"]


def test_segments_warnings_and_errors_have_their_lines():
    lines = table(answered(warnings=("cut short",)), failed(), segments=True).splitlines()[2:]
    assert [line.split() for line in lines] == [
        ["cut", "short"],
        ["0:00.0", "-", "0:04.0", "rock", "0.70", "pop", "0.20"],
        ["0:02.0", "-", "0:06.0", "silent"],
        ["bad.wav", "no", "bytes"],
    ]


def test_what_became_of_tags_has_a_line():
    tag = TagOutcome("failed", ("rock",), ("pop",), "disk\x1b full")
    line = table(dataclasses.replace(answered("a.wav"), tag=tag)).splitlines()[2]
    assert line.split() == ["genre:", "failed", "rock", "disk\\x1b", "full"]


def test_quantities_have_value_and_unit():
    row = table(estimated("a.wav")).splitlines()[1]
    assert row.split() == ["a.wav", "0:06.0", "tempo", "123.5", "BPM", "swing", "2.5e-07"]


def test_images_have_no_length():
    row = table(pictured("a.png")).splitlines()[1]
    assert row.split() == ["a.png", "rock", "0.70", "pop", "0.20"]


@pytest.mark.parametrize("path", ["[red]x[/red].wav", "音楽 ünï.wav", "x" * 150 + ".wav"])
def test_paths_are_shown_in_full(path):
    column = (100 - 9 - 4) // 2
    text = "".join(line[:column].strip() for line in table(failed(path)).splitlines()[1:])
    assert text.replace(" ", "") == path.replace(" ", "")


def test_control_characters_and_stray_bytes_are_escaped():
    assert printable("a\x1b[2Jb\n\udce9\u202e é") == r"a\x1b[2Jb\n\udce9\u202e é"
    assert "\x1b" not in table(failed("\x1b]0;owned\x07.wav"))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.0"), (59.96, "1:00.0"), (61.25, "1:01.2"), (3599.99, "1:00:00.0")]
)
def test_clock(seconds, shown):
    assert clock(seconds) == shown


def test_side_tasks_have_lines_of_their_own():
    file = answered()
    side = {"mood": (Prediction("calm", 0.8),), "tempo": (Estimate("tempo", 120.4, "BPM"),), "empty": ()}
    text = table(FileResult(file.path, dataclasses.replace(file.outcome, side=side)))
    assert "mood: calm 0.80" in text
    assert "tempo: tempo 120.4 BPM" in text
    assert "empty" not in text


def test_what_is_not_decided_is_unknown():
    file = answered()
    assert "unknown" not in table(file)
    (_, row) = table(FileResult("a.wav", dataclasses.replace(file.outcome, labels=()))).splitlines()
    assert row.split()[2:] == ["unknown", "rock", "0.70", "pop", "0.20"]
    assert "unknown" not in table(answered(silent=True)) + table(estimated())
