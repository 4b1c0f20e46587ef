"""Results as an Arrow table: the rows of Parquet, without being told what the model answers."""

import subprocess
import sys

import pytest

from audiocnn import Classifier, to_table
from audiocnn.batch.engine import classify_files
from audiocnn.batch.formats import parquet
from tests.audio_files import music, silence, wav_bytes
from tests.batch.answers import answered, estimated, failed, pictured


def test_a_row_for_each_file_in_their_order():
    table = to_table([failed(), answered(silent=True), answered("a.wav"), pictured()], top_k=2)
    assert table.column_names == [
        "path", "status", "duration_s", "label", "score", "label_2", "score_2", "labels", "error_code", "error",
        "warnings",
    ]  # fmt: skip
    assert table["path"].to_pylist() == ["bad.wav", "song.wav", "a.wav", "cat.png"]
    assert table["label"].to_pylist() == [None, None, "rock", "rock"]
    assert table["labels"].to_pylist() == [None, [], ["rock"], ["rock"]]


def test_a_row_for_each_window():
    table = to_table([answered()], segments=True)
    assert table.select(["start_s", "end_s", "label", "score_3"]).to_pylist() == [
        {"start_s": 0.0, "end_s": 4.0, "label": "rock", "score_3": 0.1},
        {"start_s": 2.0, "end_s": 6.0, "label": None, "score_3": None},
    ]


def test_estimates_have_values():
    assert to_table([estimated()]).select(["label", "value", "unit"]).to_pylist() == [
        {"label": "tempo", "value": 123.45679, "unit": "BPM"}
    ]


@pytest.mark.parametrize("files", [[], [failed()], [failed(), failed(), answered(silent=True)]])
def test_without_predictions_there_are_no_columns_for_them(files):
    table = to_table(files)
    assert table.num_rows == len(files)
    assert "label" not in table.column_names


def test_long_tables_are_built_in_parts(monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 10)
    table = to_table(answered(f"{number}.wav") for number in range(25))
    assert table["path"].to_pylist() == [f"{number}.wav" for number in range(25)]


def test_a_folder_of_recordings(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes(music(seconds=3)))
    (tmp_path / "b.wav").write_bytes(wav_bytes(silence(seconds=3)))
    (tmp_path / "c.wav").write_bytes(b"")
    classifier = Classifier.load("genre")
    results = list(classify_files(sorted(tmp_path.iterdir()), classifier))
    rows = to_table(results, top_k=1).to_pylist()
    assert [row["status"] for row in rows] == ["ok", "ok", "error"]
    assert rows[0]["label"] == results[0].outcome.predictions[0].label
    assert rows[0]["mood_label"] == results[0].outcome.side["mood"][0].label
    assert [row["score"] is None for row in rows] == [False, True, True]


@pytest.mark.parametrize(
    ("package", "code", "said"),
    [
        ("pyarrow", "import audiocnn; audiocnn.to_table([])", "Parquet and tables need pyarrow"),
        ("mutagen", "import audiocnn.batch.tags.run", "tags need mutagen"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(package, code, said):
    hidden = f"import sys; sys.modules[{package!r}] = None; {code}"
    run = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    assert run.returncode == 1
    assert f"MissingExtraError: {said}: pip install 'audiocnn[batch]'" in run.stderr


def test_formats_and_results_load_neither_pyarrow_nor_mutagen():
    code = "import sys, audiocnn.batch.formats.outputs, audiocnn.batch.table; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"pyarrow", "mutagen", "pandas"} & set(loaded)
