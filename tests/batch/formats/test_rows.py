"""Rows parse back to what was said."""

import csv
import io
import json
import os
from dataclasses import replace

import pytest

from audiocnn.batch.formats.cells import columns
from audiocnn.batch.formats.csv_rows import CsvWriter
from audiocnn.batch.formats.jsonl import JsonlWriter
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import TagOutcome
from audiocnn.spec import MAIN, Quantity, TaskSpec
from tests.batch.answers import LABELS, answered, estimated, failed, pictured

STRANGE_PATHS = ["ünï 音楽.wav", 'comma, "quote".wav', "line\nbreak.wav", "caf\udce9.wav"]


def written(writer_class, selection, *files):
    """What the writer writes, as bytes: the encoding is part of its job."""
    raw = io.BytesIO()
    writer = writer_class(io.TextIOWrapper(raw, encoding="ascii"), selection)
    for file in files:
        writer.write(file)
    return raw.getvalue().decode()


def selected(top_k, threshold=0.0, segments=False):
    return Selection(top_k, threshold, segments, {MAIN: TaskSpec("single_label", LABELS)})


def csv_rows(selection, *files):
    return list(csv.DictReader(io.StringIO(written(CsvWriter, selection, *files), newline="")))


def jsonl_rows(selection, *files):
    return [json.loads(line) for line in written(JsonlWriter, selection, *files).removesuffix("\n").split("\n")]


@pytest.mark.parametrize("segments", [False, True])
def test_a_jsonl_row_is_the_answer_with_path_and_status(segments):
    file = answered("a.wav", warnings=("cut short",))
    (row,) = jsonl_rows(Selection(2, 0.15, segments), file)
    assert row.pop("path") == "a.wav"
    assert row.pop("status") == "ok"
    assert row.pop("request_id") == file.request_id
    assert row == file.outcome.to_json(top_k=2, threshold=0.15, segments=segments)
    assert ("segments" in row) == segments


def test_a_jsonl_error_row_has_code_and_detail():
    file = failed("b.wav")
    error = {"code": "empty_audio", "detail": "no bytes"}
    assert jsonl_rows(Selection(5), file) == [
        {"path": "b.wav", "status": "error", "request_id": file.request_id, "error": error}
    ]


def test_every_row_has_an_id_of_its_own():
    ids = {row["request_id"] for row in jsonl_rows(Selection(5), answered("a.wav"), answered("a.wav"), failed("b.wav"))}
    assert len(ids) == 3


@pytest.mark.parametrize("path", STRANGE_PATHS)
def test_strange_paths_survive_jsonl(path):
    first, second = jsonl_rows(Selection(1), answered(path), failed(path))
    assert first["path"] == second["path"] == path


@pytest.mark.parametrize("path", STRANGE_PATHS[:3])
def test_strange_paths_survive_csv(path):
    assert csv_rows(selected(1), answered(path))[0]["path"] == path


def test_csv_shows_stray_bytes_as_escapes():
    assert csv_rows(selected(1), answered("caf\udce9.wav"))[0]["path"] == "caf\\udce9.wav"


def test_a_csv_row_for_each_file():
    good, bad = csv_rows(selected(2), answered(warnings=("cut short", "noisy")), failed())
    assert good == {
        "path": "song.wav",
        "status": "ok",
        "duration_s": "6.0",
        "label": "rock",
        "score": "0.7",
        "label_2": "pop",
        "score_2": "0.2",
        "labels": "rock",
        "error_code": "",
        "error": "",
        "warnings": "cut short; noisy",
    }
    assert (bad["status"], bad["label"], bad["error_code"], bad["error"]) == ("error", "", "empty_audio", "no bytes")


def test_labels_below_the_threshold_leave_empty_cells():
    (row,) = csv_rows(selected(3, threshold=0.15), answered())
    assert (row["label_2"], row["label_3"], row["score_3"]) == ("pop", "", "")


def test_csv_with_segments_has_a_row_for_each_window():
    first, second, bad = csv_rows(selected(1, segments=True), answered(), failed())
    assert (first["start_s"], first["end_s"], first["silent"], first["label"]) == ("0.0", "4.0", "false", "rock")
    assert (second["start_s"], second["end_s"], second["silent"], second["label"]) == ("2.0", "6.0", "true", "")
    assert (bad["path"], bad["start_s"], bad["error_code"]) == ("bad.wav", "", "empty_audio")


@pytest.mark.parametrize("name", ["=HYPERLINK(1).wav", "+1.wav", "-1.wav", "@SUM(1).wav", "\t=1.wav", "\r=1.wav"])
def test_no_path_in_csv_starts_like_a_formula_and_all_lead_to_the_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    path = csv_rows(selected(1), failed(name))[0]["path"]
    assert path[0] not in "=+-@\t\r"
    assert os.path.samefile(path, name)


def test_no_genre_that_a_file_brings_is_a_formula_in_csv():
    file = replace(answered(), tag=TagOutcome("kept", ("Rock",), ("=HYPERLINK(0)", "Pop")))
    selection = replace(selected(1), tags=True)
    assert csv_rows(selection, file)[0]["tag_before"] == "'=HYPERLINK(0); Pop"
    assert jsonl_rows(selection, file)[0]["tag"]["before"] == ["=HYPERLINK(0)", "Pop"]


def test_rows_can_be_read_before_the_batch_ends():
    for writer_class in (JsonlWriter, CsvWriter):
        raw = io.BytesIO()
        writer = writer_class(io.TextIOWrapper(raw), selected(1))
        before = len(raw.getvalue())
        writer.write(answered())
        assert len(raw.getvalue()) > before


REGRESSION = TaskSpec("regression", ("tempo", "swing"), (Quantity("BPM"), Quantity("")))


class TestRegression:
    def test_a_row_has_every_quantity_with_its_value_and_unit(self):
        (row,) = csv_rows(Selection(1, 0.9, False, {MAIN: REGRESSION}), estimated())
        assert [row[name] for name in ("label", "value", "unit")] == ["tempo", "123.45679", "BPM"]
        assert [row[name] for name in ("label_2", "value_2", "unit_2")] == ["swing", "2.5e-07", ""]
        assert "score" not in row

    def test_windows_have_them_too_and_errors_leave_the_cells_empty(self):
        rows = csv_rows(Selection(1, 0.9, True, {MAIN: REGRESSION}), estimated(), failed())
        assert [(row["start_s"], row["value"], row["value_2"]) for row in rows] == [
            ("0.0", "123.45679", "2.5e-07"), ("", "", "")
        ]  # fmt: skip

    def test_jsonl_has_value_and_unit_in_place_of_the_score(self):
        (row,) = jsonl_rows(Selection(1, 0.9, True, {MAIN: REGRESSION}), estimated())
        assert row["predictions"] == row["segments"][0]["predictions"] == [
            {"label": "tempo", "value": 123.45679, "unit": "BPM"}, {"label": "swing", "value": 2.5e-7, "unit": ""}
        ]  # fmt: skip


def test_a_table_has_no_more_columns_than_the_task_has_labels():
    found = columns(Selection(5, tasks={MAIN: TaskSpec("binary", ("no", "yes"))}))
    assert [name for name in found if name.startswith(("label", "score"))] == [
        "label", "score", "label_2", "score_2", "labels"
    ]  # fmt: skip


@pytest.mark.parametrize("segments", [False, True])
def test_an_image_has_one_row_without_a_duration(segments):
    (row,) = csv_rows(selected(1, segments=segments), pictured())
    assert (row["path"], row["status"], row["duration_s"], row["label"]) == ("cat.png", "ok", "", "rock")
