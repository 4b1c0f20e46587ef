"""The commands in one process: options, choices of format, refusals, help."""

import csv
import io
import json
import sys

import pytest
from click.testing import CliRunner

from audiocnn import Classifier, __version__, pretrained
from audiocnn.cli.main import cli
from tests.audio_files import music, silence, wav_bytes


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "song.wav"
    path.write_bytes(wav_bytes(music(seconds=7)))
    return str(path)


def run(*arguments, code=0):
    result = CliRunner().invoke(cli, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return result


def rows(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_jsonl_is_the_answer_of_the_library(song):
    (row,) = rows(run("classify", song))
    expected = Classifier.load("genre").classify(song).to_json(top_k=5)
    for answer in (row, expected):
        answer.pop("timing_ms")
    assert row.pop("request_id")
    assert row == {"path": song, "status": "ok", **expected}


def test_top_k_threshold_and_segments(song):
    result = Classifier.load("genre").classify(song)
    threshold = result.predictions[1].score - 1e-4  # another process, another batch: other last digits
    (row,) = rows(run("classify", song, "--top-k", 3, "--threshold", threshold, "--segments"))
    expected = result.to_json(top_k=3, threshold=threshold, segments=True)
    assert row["predictions"] == expected["predictions"]
    assert len(row["predictions"]) == 2
    assert row["segments"] == expected["segments"]
    assert len(row["segments"]) == 3


def test_csv_has_no_more_columns_than_the_model_has_labels(song):
    (row,) = csv.DictReader(io.StringIO(run("classify", song, "--format", "csv", "--top-k", 9).stdout))
    labels = Classifier.load("genre").spec.task.labels
    assert {row["label"], *(row[f"label_{rank}"] for rank in range(2, 5))} == set(labels)
    assert "label_5" not in row
    assert row["duration_s"] == "7.0"


@pytest.mark.parametrize(
    ("name", "options", "is_csv"),
    [
        ("out.csv", [], True),
        ("out.CSV", [], True),
        ("out.jsonl", [], False),
        ("out", [], False),
        ("out.txt", ["--format", "csv"], True),
    ],
)
def test_out_decides_the_format_unless_told(song, tmp_path, name, options, is_csv):
    result = run("classify", song, "-o", tmp_path / name, *options)
    text = (tmp_path / name).read_text("utf-8")
    assert text.startswith("path,status") == is_csv
    assert text.startswith('{"path"') != is_csv
    assert (result.stdout, result.stderr) == ("", "")
    assert {path.name for path in tmp_path.iterdir()} == {name, f"{name}.journal"}


def test_a_model_of_ones_own_and_its_absence(song, tmp_path):
    assert rows(run("classify", song, "--model", pretrained.resolve("genre"))) != []
    assert "no bundled model and no model directory is called" in run("classify", song, "--model", "x", code=2).stderr
    (tmp_path / "config.json").write_text("{}")
    assert "format_version" in run("classify", song, "--model", tmp_path, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'INPUT...'"),
        (["x.wav", "--top-k", "0"], "--top-k"),
        (["x.wav", "--threshold", "1.5"], "--threshold"),
        (["x.wav", "--threshold", "nan"], "threshold must be a score from 0 to 1, got nan"),
        (["x.wav", "--workers", "0"], "--workers"),
        (["x.wav", "--format", "xml"], "'xml' is not one of csv, jsonl, parquet"),
        (["x.wav", "--no-such-option"], "--no-such-option"),
        (["x.wav", "-o", "/"], "jsonl goes into a file, and / names a folder"),
        (["x.wav", "-o", "no/such/folder/out.csv"], "expected a name in an existing folder"),
        (["x.wav", "-o", "y.WAV"], "called like audio"),
    ],
)
def test_usage_errors_exit_with_2(arguments, message):
    result = run("classify", *arguments, code=2)
    assert message in result.stderr
    assert result.stdout == ""


def test_failed_files_are_rows_and_exit_with_1(song, tmp_path):
    (tmp_path / "bad.wav").write_text("not audio")
    result = run("classify", tmp_path / "missing.wav", song, tmp_path, code=1)
    missing, good, bad = rows(result)
    assert (missing["status"], good["status"], bad["status"]) == ("error", "ok", "error")
    assert missing["error"]["code"] == "unreadable_file"
    assert "No such file" in missing["error"]["detail"]
    assert bad["error"]["code"] == "undecodable_audio"
    assert result.stderr.count("\n") == 1
    assert "2 failed" in result.stderr
    assert run("classify", "-q", tmp_path / "missing.wav", code=1).stderr == ""


def test_an_empty_folder_is_no_failure_but_is_said(tmp_path):
    (tmp_path / "sub").mkdir()
    assert "no audio files found; -r looks in sub-folders too" in run("classify", tmp_path).stderr
    assert "-r" not in run("classify", "-r", tmp_path).stderr
    assert run("classify", "-r", "-q", tmp_path).stderr == ""


def test_silence_has_no_label_and_a_warning(tmp_path):
    (tmp_path / "quiet.wav").write_bytes(wav_bytes(silence(2)))
    (row,) = csv.DictReader(io.StringIO(run("classify", tmp_path, "--format", "csv").stdout))
    assert (row["status"], row["label"]) == ("ok", "")
    assert "silence has no label" in row["warnings"]


def test_models_lists_every_bundled_model_in_full():
    text = run("models").stdout
    for name in pretrained.names():
        spec = Classifier.load(name).spec
        for fact in (name, spec.version, spec.licence, spec.input.summary, *spec.task.labels):
            assert fact in text


def test_models_lists_architectures_only_with_torch(monkeypatch):
    pytest.importorskip("torch")
    from audiocnn.models import names

    assert all(name in run("models").stdout for name in names())
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "architectures" not in run("models").stdout


def test_export_without_torch_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "audiocnn.export", raising=False)
    result = run("export", pretrained.resolve("genre"), code=2)
    assert "pip install 'audiocnn[train]'" in result.stderr


def test_export_writes_a_model_that_classify_takes(song, tmp_path):
    pytest.importorskip("torch")
    from audiocnn import AudioSpec, ModelSpec, TaskSpec, checkpoint, models

    spec = ModelSpec("tiny", "1", "m3", {}, AudioSpec(8000, 8000, 8000), TaskSpec("single_label", ("yes", "no")))
    checkpoint.save(tmp_path, spec, models.build("m3", 2))
    assert "audiocnn export" in run("classify", song, "--model", tmp_path, code=2).stderr
    assert "model.onnx" in run("export", tmp_path).stdout
    (row,) = rows(run("classify", song, "--model", tmp_path))
    assert {p["label"] for p in row["predictions"]} == {"yes", "no"}


def test_export_of_a_folder_without_a_model_exits_with_2(tmp_path):
    pytest.importorskip("torch")
    assert "config.json" in run("export", tmp_path, code=2).stderr


def test_version():
    assert run("--version").stdout == f"audiocnn {__version__}\n"


@pytest.mark.parametrize("command", [[], *([name] for name in cli.commands)])
def test_help_explains_every_command_and_option(command):
    text = run(*command, "--help").stdout
    assert text == run(*command, "-h").stdout
    target = cli.commands[command[0]] if command else cli
    for parameter in target.params:
        for option in parameter.opts if parameter.param_type_name == "option" else [parameter.make_metavar(None)]:
            assert option in text
        assert getattr(parameter, "help", None) != ""
    assert "Example" in text or command == ["models"]
    assert max(map(len, text.splitlines())) <= 100
