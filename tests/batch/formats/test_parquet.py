"""Parquet rows are read back by pyarrow with the types and values of the answers."""

import os

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from audiocnn.batch.formats import parquet
from audiocnn.batch.formats.outputs import outputs
from audiocnn.batch.formats.selection import Selection
from audiocnn.spec import MAIN, Quantity, TaskSpec
from tests.batch.answers import LABELS, answered, estimated, failed

SINGLE = {MAIN: TaskSpec("single_label", LABELS)}


def read(tmp_path, selection, *files):
    path = tmp_path / "rows.parquet"
    with outputs(path, ["parquet"], selection) as writer:
        for file in files:
            writer.write(file)
    return pq.read_table(path)


def test_a_row_for_each_file(tmp_path):
    table = read(tmp_path, Selection(2, 0.15, tasks=SINGLE), answered(warnings=("cut short",)), failed())
    good, bad = table.to_pylist()
    assert good == {
        "path": "song.wav", "status": "ok", "duration_s": 6.0, "label": "rock", "score": 0.7, "label_2": "pop",
        "score_2": 0.2, "labels": ["rock"], "error_code": None, "error": None, "warnings": ["cut short"],
    }  # fmt: skip
    assert (bad["status"], bad["score"], bad["labels"], bad["error_code"]) == ("error", None, None, "empty_audio")


def test_a_row_for_each_window(tmp_path):
    table = read(tmp_path, Selection(1, segments=True, tasks=SINGLE), answered(), failed())
    spans = [(row["start_s"], row["end_s"], row["silent"], row["label"]) for row in table.to_pylist()]
    assert spans == [(0.0, 4.0, False, "rock"), (2.0, 6.0, True, None), (None, None, None, None)]


def test_estimates_are_numbers_with_a_unit(tmp_path):
    tasks = {MAIN: TaskSpec("regression", ("tempo", "swing"), (Quantity("BPM"), Quantity("")))}
    (row,) = read(tmp_path, Selection(1, tasks=tasks), estimated()).to_pylist()
    assert (row["label"], row["value"], row["unit"], row["value_2"]) == ("tempo", 123.45679, "BPM", 2.5e-7)
    assert "labels" not in row


def test_types_do_not_depend_on_the_rows(tmp_path):
    """Without that, files of two batches would not go into one data set."""
    selection = Selection(1, segments=True, tasks=SINGLE)
    empty = read(tmp_path, selection).schema
    assert empty == read(tmp_path, selection, failed()).schema == read(tmp_path, selection, answered()).schema
    assert empty.field("score").type == pa.float64()
    assert empty.field("silent").type == pa.bool_()
    assert empty.field("labels").type == pa.list_(pa.string())


def test_rows_go_to_disk_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 10)
    path = tmp_path / "rows.parquet"
    with outputs(path, ["parquet"], Selection(1, tasks=SINGLE)) as writer:
        for number in range(25):
            writer.write(answered(f"{number}.wav"))
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [10, 10, 5]
    assert file.read().column("path").to_pylist() == [f"{number}.wav" for number in range(25)]


@pytest.mark.parametrize("path", ["ünï 音楽.wav", "line\nbreak.wav", "=1.wav"])
def test_strange_paths_survive(tmp_path, path):
    assert read(tmp_path, Selection(1, tasks=SINGLE), answered(path))["path"].to_pylist() == [path]


def test_stray_bytes_are_shown_as_escapes(tmp_path):
    assert read(tmp_path, Selection(1, tasks=SINGLE), failed("caf\udce9.wav"))["path"].to_pylist() == ["caf\\udce9.wav"]


def test_a_crash_leaves_out_alone(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_text("old")

    def crash():
        with outputs(path, ["parquet"], Selection(1, tasks=SINGLE)) as writer:
            writer.write(answered())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["rows.parquet"]
