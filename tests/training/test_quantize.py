"""8 bits: a model directory that answers nearly as before, and nothing at all if it is worse or slower."""

import shutil

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from audiocnn import Classifier
from audiocnn.errors import ConfigError
from tests.audio_files import music, wav_bytes
from tests.conftest import LABELS, tiny_spec, write_model
from training import quantize as quantising
from training.cli import commands
from training.config import load_config
from training.quantize import Gate, quantize

CONFIG = """
name = "tiny"
[input]
sample_rate = 16000
window = 8000
hop = 4000
[model]
architecture = "filterbank-resnet"
[data]
manifest = "clips.csv"
path = "path"
label = "label"
fold = "fold"
validation = 0
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"), tiny_spec(training={"test_fold": "b"}))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two clips of each label in fold a and two in b."""
    folder = tmp_path_factory.mktemp("data")
    rows = ["path,label,fold"]
    for index in range(16):
        (folder / f"{index}.wav").write_bytes(wav_bytes(music(1 + index / 8)))
        rows.append(f"{index}.wav,{LABELS[index % 4]},{'ab'[index // 8]}")
    (folder / "clips.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def measured(monkeypatch):
    """Sets what the gate finds: accuracies of the model and of its 8-bit one, and how much faster that is."""

    def to_find(*accuracies, speedup):
        found = iter(accuracies)
        monkeypatch.setattr(quantising, "_accuracy", lambda *_: next(found))
        monkeypatch.setattr(quantising, "speedup", lambda *_: speedup)

    return to_find


def test_what_passes_is_a_model_of_8_bits_that_answers_nearly_as_before(model, data, config, tmp_path, monkeypatch):
    monkeypatch.setattr(quantising, "speedup", lambda *_: 1.5)  # so small a network need not be faster
    monkeypatch.setattr(quantising, "MOST_LOST", 1.0)
    gate = quantize(load_config(config), data, model, tmp_path / "int8", 8)
    assert gate.clips == 8  # those of fold b, on which the model was not trained
    kinds = [node.op_type for node in onnx.load(tmp_path / "int8/model.onnx").graph.node]
    assert "QuantizeLinear" in kinds
    source = wav_bytes(music(3))
    expected, found = Classifier.load(model).logits(source)[0], Classifier.load(tmp_path / "int8").logits(source)[0]
    assert not np.array_equal(found, expected)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("accuracies", "speedup", "said"),
    [((0.9, 0.894), 2.0, "cost more than 0.005 of accuracy"), ((0.9, 0.9), 1.0, "are not faster here")],
)
def test_worse_or_slower_is_refused_and_not_written(model, data, config, tmp_path, measured, accuracies, speedup, said):
    measured(*accuracies, speedup=speedup)
    with pytest.raises(ConfigError, match=said) as caught:
        quantize(load_config(config), data, model, tmp_path / "int8", 2)
    assert f"on 8 clips, {speedup:.2f} times as fast; nothing was written" in str(caught.value)
    assert not (tmp_path / "int8").exists()


def test_half_a_point_may_be_lost():
    Gate(1000, 0.9, 0.895, 1.01).check()


def test_the_command(model, data, config, tmp_path, measured):
    measured(0.5, 0.75, speedup=1.25)
    arguments = ["quantize", str(config), "--data", str(data), "--model", str(model)]
    run = CliRunner().invoke(commands, [*arguments, "--output", str(tmp_path / "int8"), "--calibrate", "2"])
    assert run.exit_code == 0, run.output
    assert run.output.endswith(
        f"quantised: {tmp_path}/int8\naccuracy 0.500 as floats and 0.750 in 8 bits on 8 clips, 1.25 times as fast\n"
    )
    assert (tmp_path / "int8/config.json").read_bytes() == (model / "config.json").read_bytes()


def test_a_folder_that_is_there_is_kept(model, data, config):
    with pytest.raises(ConfigError, match="exists already"):
        quantize(load_config(config), data, model, model, 2)


def test_without_clips_that_the_model_has_not_seen_there_is_no_gate(model, data, config, tmp_path):
    everything = shutil.copytree(model, tmp_path / "all")
    text = (everything / "config.json").read_text()
    (everything / "config.json").write_text(text.replace('"test_fold": "b"', '"test_fold": null'))
    with pytest.raises(ConfigError, match="needs clips that the model was not trained on"):
        quantize(load_config(config), data, everything, tmp_path / "int8", 2)


def test_a_model_of_several_labels_has_no_accuracy(tiny_multi_label_model, data, config, tmp_path):
    with pytest.raises(ConfigError, match="'tiny' is multi_label"):
        quantize(load_config(config), data, tiny_multi_label_model, tmp_path / "int8", 2)
