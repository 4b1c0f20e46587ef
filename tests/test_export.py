"""ONNX files: the same answers as torch at any batch and length, and no file that answers otherwise."""

import functools
import warnings

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from audiocnn import Classifier, checkpoint, export, models
from audiocnn.errors import CheckpointError
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, LinearNormAct, Pool
from audiocnn.spec import AudioSpec
from tests.conftest import SLIM, TINY, lively_network, tiny_spec, write_model

HYBRIDS = ("acdnet", "envnet-v2", "wave-picture")  # 1D in front, 2D behind
SHAPES = ((1, 1), (2, 17), (5, 161), (1, 1025), (2, 9347))


ALWAYS = ("acdnet", "filterbank-resnet", "m34-res", "sample-cnn-se-multi", "wave-pyramid")
"""With these and tests/nn/test_lowering.py every kind of layer is exported in the fast suite too."""


@pytest.fixture(scope="session")
def every_model(tmp_path_factory):
    """A function that gives the directory of an exported model for a registered architecture, made once."""

    @functools.cache
    def directory(name):
        arguments = TINY if name == "filterbank-resnet" else SLIM.get(name, {})
        spec = tiny_spec(architecture=name, arguments=arguments, input=AudioSpec(16_000, 2000, 2000))
        return write_model(tmp_path_factory.mktemp(name), spec)

    return directory


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.slow) for name in models.names(ndim=1)]
)
class TestEveryArchitecture:
    def test_agrees_with_torch_at_other_batches_and_lengths(self, every_model, name):
        _, network = checkpoint.load_network(every_model(name))
        backend = OnnxBackend(every_model(name) / "model.onnx", "waveform")
        random = np.random.default_rng(3)
        spread = 0.0
        for batch, length in SHAPES:
            x = random.standard_normal((batch, 1, length)).astype(np.float32)
            with torch.inference_mode():
                expected = network(torch.from_numpy(x)).numpy()
            logits = backend(x)
            assert logits.dtype == np.float32
            np.testing.assert_allclose(logits, expected, atol=1e-4, err_msg=f"batch {batch}, length {length}")
            spread = max(spread, float(np.ptp(expected)))
        assert spread > 0.1

    def test_norms_are_folded_and_convolutions_have_two_axes(self, every_model, name):
        graph = onnx.load(every_model(name) / "model.onnx").graph
        kinds = [node.op_type for node in graph.node]
        norms = 1 if name == "m34-res" else 0  # the norm after the sum of a block has no convolution before it
        assert kinds.count("BatchNormalization") == 16 * norms
        kernels = [list(a.ints) for node in graph.node if node.op_type == "Conv" for a in node.attribute
                   if a.name == "kernel_shape"]  # fmt: skip
        assert kernels
        assert all(len(kernel) == 2 and (kernel[0] == 1 or name in HYBRIDS) for kernel in kernels)

    def test_lowering_leaves_the_original_alone(self, every_model, name):
        _, network = checkpoint.load_network(every_model(name))
        before = {key: value.clone() for key, value in network.state_dict().items()}
        export.lower(network)
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
        assert network(torch.zeros(1, 1, 100)).shape == (1, 4)


class TestFrames:
    def test_a_second_output_answers_for_each_frame(self, every_model):
        directory = every_model("silence-detector")
        _, network = checkpoint.load_network(directory)
        backend = OnnxBackend(directory / "model.onnx", "waveform", output="frames")
        for batch, length in SHAPES:
            x = np.random.default_rng(length).standard_normal((batch, 1, length)).astype(np.float32)
            with torch.inference_mode():
                expected = network.frames(torch.from_numpy(x)).numpy()
            np.testing.assert_allclose(backend(x), expected, atol=1e-4, err_msg=f"batch {batch}, length {length}")

    def test_other_networks_have_one_output(self, every_model):
        graph = onnx.load(every_model("filterbank-resnet") / "model.onnx").graph
        assert [output.name for output in graph.output] == ["logits"]
        with pytest.raises(CheckpointError, match="must take 'waveform' and give 'frames', it has waveform, logits"):
            OnnxBackend(every_model("filterbank-resnet") / "model.onnx", "waveform", output="frames")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in models.names() if models.architecture(name).any_ndim])
def test_networks_for_images_agree_over_one_axis(name, tmp_path):
    spec = tiny_spec(architecture=name, arguments={"ndim": 1, "in_channels": 1}, input=AudioSpec(16_000, 2000, 2000))
    directory = write_model(tmp_path, spec)
    _, network = checkpoint.load_network(directory)
    backend = OnnxBackend(directory / "model.onnx", "waveform")
    for length in (63, 161, 9347):
        x = torch.randn(2, 1, length)
        with torch.inference_mode():
            expected = network(x).numpy()
        np.testing.assert_allclose(backend(x.numpy()), expected, atol=1e-4, err_msg=f"length {length}")
        assert np.ptp(expected) > 0.01


@pytest.mark.parametrize("kind", ["max", "avg"])
def test_lowered_pools_keep_stride_padding_and_rounding(kind):
    pools = [Pool(1, kind, 3, stride=2, padding=1), Pool(1, kind, 4, ceil_mode=True), Pool(1, kind, 2, stride=1)]
    for pool in pools:
        network = nn.Sequential(ConvNormAct(1, 1, 2, 3), pool).eval()
        for length in (4, 5, 9, 10):
            x = torch.randn(2, 1, length)
            with torch.inference_mode():
                torch.testing.assert_close(export.lower(network)(x), network(x))


def test_a_norm_after_a_linear_layer_is_folded():
    network = nn.Sequential(ConvNormAct(1, 1, 4, 3), GlobalPool(1, "max"), LinearNormAct(4, 5))
    network[2](torch.randn(8, 4))  # in training mode: moves the norm's statistics
    network.eval()
    lowered = export.lower(network)
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in lowered.modules())
    x = torch.randn(2, 1, 9)
    with torch.inference_mode():
        torch.testing.assert_close(lowered(x), network(x))


def test_networks_without_1d_layers_keep_their_input():
    network = nn.Sequential(ConvNormAct(2, 1, 2, 3), GlobalPool(2, "mean")).eval()
    lowered = export.lower(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in lowered.modules())
    x = torch.randn(2, 1, 5, 6)
    with torch.inference_mode():
        torch.testing.assert_close(lowered(x), network(x))


def test_exports_without_a_warning(tmp_path):
    directory = write_model(tmp_path, tiny_spec(), onnx=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert export.export_onnx(directory) == directory / "model.onnx"


def with_logits_times(scale, directory):
    """A model whose logits are those of the tiny one, `scale` times as large."""
    network = lively_network("filterbank-resnet", 4, TINY)
    with torch.no_grad():
        network.head.weight *= scale
        network.head.bias *= scale
    checkpoint.save(directory, tiny_spec(), network)
    return directory


def shift_exports(monkeypatch, shift):
    """What is exported from now on is wrong by `shift`."""
    lower = export.lower

    def wrong(network):
        lowered = lower(network)
        lowered.network.head.bias.data += shift
        return lowered

    monkeypatch.setattr(export, "lower", wrong)


DIFFER = r"^ONNX and torch logits differ by {}, expected at most {} where the largest is .*: the file would give other"


def test_a_file_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    directory = write_model(tmp_path, tiny_spec())
    old = (directory / "model.onnx").read_bytes()
    shift_exports(monkeypatch, 1e-3)
    with pytest.raises(CheckpointError, match=DIFFER.format(r"1\.00e-03", r"1\.00e-04")):
        export.export_onnx(directory)
    assert (directory / "model.onnx").read_bytes() == old
    assert sorted(path.name for path in directory.iterdir()) == ["config.json", "model.onnx", "model.safetensors"]


@pytest.mark.parametrize(("scale", "right", "wrong"), [(1e-3, 5e-5, 2e-4), (1.0, 5e-5, 2e-4), (1e3, 0.02, 0.2)])
def test_large_logits_may_differ_by_more_and_small_ones_by_no_less(tmp_path, monkeypatch, scale, right, wrong):
    directory = with_logits_times(scale, tmp_path)
    with monkeypatch.context() as context:
        shift_exports(context, right)
        export.export_onnx(directory)
    shift_exports(monkeypatch, wrong)
    with pytest.raises(CheckpointError, match=DIFFER.format(".*", ".*")):
        export.export_onnx(directory)


def test_a_file_that_answers_no_number_is_not_written(tmp_path, monkeypatch):
    shift_exports(monkeypatch, float("nan"))
    with pytest.raises(CheckpointError, match=DIFFER.format("nan", r"1\.00e-04")):
        export.export_onnx(with_logits_times(1.0, tmp_path))


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_network_that_answers_no_number_is_not_exported(tmp_path, scale):
    with pytest.raises(CheckpointError, match=r"logits must be finite numbers, for noise it answers nan; its weights"):
        export.export_onnx(with_logits_times(scale, tmp_path))


def test_an_export_of_other_weights_does_not_answer_in_their_name(tmp_path):
    old, new = write_model(tmp_path / "old", tiny_spec()), write_model(tmp_path / "new", tiny_spec())
    network = checkpoint.load_network(new)[1]
    with torch.no_grad():
        next(iter(network.parameters())).add_(1.0)
    checkpoint.save(new, tiny_spec(), network)
    (new / "model.onnx").write_bytes((old / "model.onnx").read_bytes())
    with pytest.raises(CheckpointError, match=r"made of other weights .* audiocnn export"):
        Classifier.load(new)
    export.export_onnx(new)
    assert Classifier.load(new).info.sha256 == checkpoint.weights_sha256(new)
