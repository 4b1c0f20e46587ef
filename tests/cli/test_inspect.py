"""`audiocnn inspect`: tables, JSON, plots, refusals."""

import json
import re
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from audiocnn import pretrained
from audiocnn.cli.main import cli
from audiocnn.cli.models import _described
from audiocnn.spec import TaskSpec
from tests.audio_files import music, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.insight.planted import HIGH_HZ, LOW_HZ, RATE, tone_detector, tones


def run(*arguments, code=0):
    result = CliRunner().invoke(cli, ["inspect", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    return tone_detector(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    path.write_bytes(wav_bytes(tones(10, (LOW_HZ, 2.0, 2.5), (HIGH_HZ, 6.2, 6.7)), RATE))
    return path


def cells(text):
    """The rows of the first table, by their first cell."""
    rows = [re.split(r" {2,}", line.strip()) for line in text.splitlines() if line.startswith(" ")]
    return {row[0]: row[1:] for row in rows}


def curve(text, label):
    header = next(line for line in text.splitlines() if "over time" in line)
    line = next(line for line in text.splitlines() if line.startswith(f" {label} "))
    return line[header.index("activation at") :][:40]


def number(text):
    return int(text.replace(",", ""))


def test_the_table_says_what_the_json_says(tiny_model):
    table, body = cells(run(tiny_model).stdout), json.loads(run(tiny_model, "--format", "json").stdout)
    assert body["model"] == {
        "name": "tiny",
        "version": "1.2.3",
        "architecture": "filterbank-resnet",
        "trained": True,
    }
    for layer in body["layers"]:
        row = table[layer["name"]]
        assert row.pop(0) == f"{layer['kind']} {layer['sizes']}".strip()
        assert row.pop(0) == " x ".join(f"{length:,}" for length in layer["output_shape"])
        numbers = [number(cell) for cell in row if re.fullmatch(r"[\d,]+", cell)]
        fields = [*(layer["receptive_field"] or []), *(layer["step"] or [])]
        assert numbers == [n for n in (layer["parameters"], layer["multiply_adds"]) if n] + fields
        if fields:
            assert float(row[-1].replace(",", "")) == pytest.approx(layer["receptive_field_ms"], abs=0.005)
    totals = body["totals"]
    assert [number(cell) for cell in table["total"]] == [totals["parameters"], totals["multiply_adds"]]
    assert totals["parameters"] == sum(layer["parameters"] for layer in body["layers"])


def test_the_line_about_filters_says_what_the_json_says(tiny_model):
    line = run(tiny_model).stdout.splitlines()[-1]
    told = json.loads(run(tiny_model, "--format", "json").stdout)["filters"]["responses"]
    lowest, highest, outside = re.search(r"from (\d+) to (\d+) Hz, ([\d.]+)% of what", line).groups()
    assert (int(lowest), int(highest)) == (round(min(told["centres_hz"])), round(max(told["centres_hz"])))
    assert float(outside) == pytest.approx(100 * np.mean(told["outside"]), abs=0.06)


def test_what_a_model_answers_is_told_task_by_task(tmp_path):
    model = write_model(tmp_path, tiny_spec(side_tasks={"mood": TaskSpec("multi_label", ("calm", "tense"))}))
    lines = run(model).stdout.splitlines()
    assert lines[1:3] == ["labels: bark, bell, rain, speech (single_label)", "mood: calm, tense (multi_label)"]
    assert "  mood: calm, tense (multi_label)\n  input: " in _described(model)


def test_every_bundled_model_can_be_looked_at():
    for name in pretrained.names():
        assert run(name).stdout.startswith(f"{name}: ")


def test_an_architecture_has_random_weights_and_says_so():
    text = run("lenet-5", "--outputs", 7).stdout
    assert text.startswith("lenet-5: lenet-5, random weights, not trained; input 1 x 32 x 32\n")
    assert cells(text)["head"][1] == "7"
    body = json.loads(run("m5", "--input", 16_000, "--format", "json").stdout)
    assert (body["model"]["trained"], body["filters"]["trained"]) == (False, False)
    assert body["layers"][0]["output_shape"] == [128, 4000]


def test_a_file_adds_scores_and_when_each_class_was_active(detector, song):
    text = run(detector, "--file", song).stdout
    table = cells(text)
    assert table["low"][1].startswith("0:02.")
    assert table["high"][1].startswith("0:06.")
    # Forty characters for ten seconds, of which the darkest is where the tone is.
    low, high = (
        max(range(40), key=lambda i, label=label: " .:-=+*#%@".index(curve(text, label)[i]))
        for label in ("low", "high")
    )
    assert 8 <= low <= 9
    assert 24 <= high <= 26


def test_a_folder_gets_plots_and_the_same_json(detector, song, tmp_path):
    result = run(
        detector,
        "--file",
        song,
        "--hop",
        0.25,
        "--layer",
        "features.0.conv",
        "--format",
        "json",
        "-o",
        tmp_path / "a/b",
    )
    names = ["features.png", "filters.png", "frequencies.png", "inspect.json", "silence.png", "when.png"]
    assert sorted(path.name for path in (tmp_path / "a/b").iterdir()) == names
    body = json.loads(result.stdout)
    assert body == json.loads((tmp_path / "a/b/inspect.json").read_text())
    assert all(name in result.stderr for name in names)
    assert [feature["layer"] for feature in body["file"]["features"]] == ["features.0.conv"]
    assert len(body["file"]["windows"]) == 37
    centres = body["filters"]["responses"]["centres_hz"]
    assert centres[:2] == pytest.approx([LOW_HZ, HIGH_HZ], abs=20)
    assert len(body["filters"]["responses"]["outside"]) == len(centres)


def test_without_a_file_there_are_only_filters(tmp_path):
    run("lenet-5", "-o", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["filters.png", "inspect.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "architectures: acdnet, alexnet"),
        (["m5", "--file", "x.wav"], "m5 has random weights"),
        (["genre", "--file", "no/such.wav"], "cannot read such.wav"),
        (["genre", "--file", __file__], "the bytes are not audio"),
        (["genre", "--layer", "x"], "name one with --file"),
        (["genre", "--hop", "1"], "name one with --file"),
        (["genre", "--hop", "0"], "--hop"),
        (["genre", "--outputs", "3"], "outputs are for architectures"),
        (["lenet-5", "--input", "8x8"], "needs 32 or more positions"),
        (["lenet-5", "--input", "8,8"], "as in 16000 or 3x224x224"),
        (["genre", "-o", __file__], "is a file"),
        ([], "Missing argument 'MODEL'"),
    ],
)
def test_refusals_exit_with_2_and_print_nothing(arguments, message):
    result = run(*arguments, code=2)
    assert message in result.stderr
    assert result.stdout == ""


def test_an_unknown_layer_lists_the_known_ones(detector, song):
    assert "known: features.0.conv, " in run(detector, "--file", song, "--layer", "x", code=2).stderr


def test_without_torch_or_matplotlib_the_extra_is_named(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        for module in [name for name in sys.modules if name.startswith("audiocnn.plots.")]:
            patch.delitem(sys.modules, module)
            patch.delattr(module)
        assert "pip install 'audiocnn[plots]'" in run("lenet-5", "-o", tmp_path, code=2).stderr
    monkeypatch.setitem(sys.modules, "audiocnn.insight.report", None)
    assert "pip install 'audiocnn[train]'" in run("genre", code=2).stderr


def test_warnings_about_the_file_are_shown(detector, tmp_path):
    (tmp_path / "short.wav").write_bytes(wav_bytes(music(0.1, RATE), RATE))
    assert "do not rely on this answer" in run(detector, "--file", tmp_path / "short.wav").stdout
