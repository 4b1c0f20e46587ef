"""An exported model looked into without torch: the same numbers as with it."""

import io
import subprocess
import sys

import numpy as np
import pytest
import torch

from audiocnn import checkpoint, pretrained
from audiocnn.annotate import annotate
from audiocnn.errors import CheckpointError
from audiocnn.export import export_onnx, write_onnx
from audiocnn.inference.inner import InnerValues, Tail
from audiocnn.inference.onnx_file import with_metadata, with_outputs
from audiocnn.insight.file import view_file
from audiocnn.insight.filters import first_filters
from audiocnn.insight.onnx_lens import OnnxLens
from audiocnn.insight.subject import load_subject
from audiocnn.nn.lowering import lower
from audiocnn.spec import ImageSpec
from tests.audio_files import music, wav_bytes
from tests.conftest import lively_network, tiny_spec, write_model
from tests.insight.planted import HIGH_HZ, LOW_HZ, RATE, brightness_detector, tone_detector, tones

SOUND_MODELS = [name for name in pretrained.names() if checkpoint.read_spec(pretrained.resolve(name)).input.ndim == 1]


def assert_same(lens, subject, source, **options):
    layers = [layer.name for layer in lens.mapped()]
    seen, expected = view_file(lens, source, layers, **options), view_file(subject, source, layers, **options)
    assert len(seen.features) == len(layers)
    for found, wanted in zip(seen.features, expected.features, strict=True):
        assert (found.layer, found.rms, found.values.shape) == (wanted.layer, wanted.rms, wanted.values.shape)
        scale = np.abs(wanted.values).max()
        np.testing.assert_allclose(found.values, wanted.values, rtol=1e-3, atol=1e-4 * scale, err_msg=found.layer)
    assert seen.scores == pytest.approx(expected.scores, abs=1e-4)
    return seen, expected


@pytest.mark.parametrize("name", SOUND_MODELS)
def test_bundled_models_show_the_numbers_of_torch(name):
    lens, subject = OnnxLens.load(name), load_subject(name)
    seen, expected = assert_same(lens, subject, wav_bytes(music(5)))
    if seen.layer is not None:
        assert seen.layer == expected.layer
        scale = np.abs(expected.activations).max()
        np.testing.assert_allclose(seen.activations, expected.activations, rtol=1e-3, atol=1e-3 * scale)
    filters, wanted = first_filters(lens), first_filters(subject)
    assert (filters.layer, filters.trained, (filters.weights == wanted.weights).all()) == (wanted.layer, True, True)
    assert lens.table() == subject.table()


def test_the_bundled_models_of_sound_know_where_each_class_is():
    layers = {name: OnnxLens.load(name).activation_layer() for name in ("genre", "esc10", "digits", "silence")}
    assert None not in layers.values()


def test_planted_tones_are_found_where_they_were_planted(tmp_path):
    export_onnx(tone_detector(tmp_path))
    sound = wav_bytes(tones(10, (LOW_HZ, 2.0, 2.5), (HIGH_HZ, 6.3, 6.6)), RATE)
    seen, _ = assert_same(OnnxLens.load(tmp_path), load_subject(tmp_path), sound, hop_s=0.3)
    assert 2.0 < seen.strongest_s(0) < 2.5
    assert 6.3 < seen.strongest_s(1) < 6.6


def annotation_of(network, spec, folder):
    write_onnx(lower(network), spec, folder / "model.onnx")
    return annotate(network, spec, folder / "model.onnx")


TAILS = {
    "m5": ({}, Tail("features.7.pool", "mean", "head")),
    "filterbank-resnet": ({"num_filters": 8, "width": 8}, Tail("features.7.act", "mean_max", "head")),
    # Of its three levels the last one fills the last columns.
    "wave-pyramid": ({"width": 8, "num_filters": 8, "depth": 1}, Tail("levels.3.2.act", "mean_max", "head", 40)),
    "silence-detector": ({}, Tail("head", "mean", None)),
}


@pytest.mark.parametrize("name", TAILS)
def test_how_the_last_map_becomes_logits_is_found(name, tmp_path):
    arguments, tail = TAILS[name]
    found = annotation_of(lively_network(name, 4, arguments), tiny_spec().input, tmp_path)
    assert found.tail == tail
    mapped = [layer.name for layer in found.layers if layer.axes is not None]
    assert set(found.tensors) <= set(mapped)
    assert {name for name in mapped if name.endswith((".act", ".pool"))} <= set(found.tensors)


def test_where_logits_come_out_otherwise_no_activations_are_made_up(tmp_path):
    mlp = annotation_of(lively_network("mlp", 3), ImageSpec(28, 28), tmp_path)
    assert (mlp.tail, mlp.tensors) == (None, {})
    lenet = annotation_of(lively_network("lenet-5", 3), ImageSpec(32, 32), tmp_path)
    assert lenet.tail is None  # two linear layers with a tanh between them
    assert "features.2.act" in lenet.tensors


def test_a_view_without_activations_says_so(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    pillow.fromarray(np.full((32, 32), 200, np.uint8)).save(file, "PNG")
    export_onnx(brightness_detector(tmp_path, ImageSpec(32, 32)))
    view = view_file(OnnxLens.load(tmp_path), file.getvalue())
    assert (view.layer, view.to_json()["activation"]) == (None, None)
    assert view.features[0].values.shape == (6, 28, 28)


def test_a_shared_maximum_shares_its_gradient_as_in_torch():
    output = np.array([[1.0, 3.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]], np.float32)
    weight = np.array([[1.0, 2.0, 10.0, 20.0]], np.float32)
    given = torch.from_numpy(output)[None].requires_grad_()
    pooled = torch.cat([given.mean(-1), given.amax(-1)], dim=1)
    (expected,) = torch.autograd.grad((pooled @ torch.from_numpy(weight).T).sum(), given)
    assert Tail("x", "mean_max", "head").gradients(output, weight)[0] == pytest.approx(expected[0].numpy())


def test_what_an_earlier_version_exported_is_told_from_a_damaged_one(tmp_path):
    directory = write_model(tmp_path, tiny_spec())
    write_onnx(lower(checkpoint.load_network(directory)[1]), tiny_spec().input, directory / "model.onnx")
    with pytest.raises(CheckpointError, match=r"does not say which of its values .* audiocnn export"):
        OnnxLens.load(directory)
    plain = (directory / "model.onnx").read_bytes()
    for text in ("", "[]", '{"layers": [{}], "tensors": {}, "tail": null}', '{"layers": []}'):
        (directory / "model.onnx").write_bytes(with_metadata(plain, "audiocnn.layers", text))
        with pytest.raises(CheckpointError, match="cannot be read"):
            InnerValues(directory, "waveform")


def test_an_annotation_is_read_as_it_was_written(tmp_path):
    written = annotation_of(lively_network("m5", 4), tiny_spec().input, tmp_path)
    path = tmp_path / "model.onnx"
    path.write_bytes(written.written_into(path.read_bytes()))
    assert InnerValues(tmp_path, "waveform").annotation == written


def test_outputs_with_long_and_many_names_are_added(tmp_path):
    """Lengths of more than 127 take two bytes."""
    onnx = pytest.importorskip("onnx")
    plain = (pretrained.resolve("silence") / "model.onnx").read_bytes()
    names = ["n" * 127, "m" * 128, "k" * 20_000]
    outputs = [output.name for output in onnx.load_from_string(with_outputs(plain, names)).graph.output]
    assert outputs == ["logits", "frames", *names]


def test_looking_inside_needs_no_torch():
    code = (
        "import sys; from audiocnn.insight.onnx_lens import OnnxLens; from audiocnn.insight.file import view_file; "
        "from audiocnn.insight.filters import first_filters; first_filters(OnnxLens.load('silence')); "
        "assert not {'torch', 'onnx', 'matplotlib'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
