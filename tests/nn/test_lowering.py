"""Lowered networks compute what the originals do: layer by layer in torch, and in the exported file."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from audiocnn.export import write_onnx
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.nn.antialias import AntiAliasedPool
from audiocnn.nn.blocks import AdaptivePool, ConvNormAct, GlobalPool, Pool, SqueezeExcite
from audiocnn.nn.lowering import lower
from audiocnn.nn.transposed import ConvTransposeNormAct
from audiocnn.spec import AudioSpec

LAYERS = {
    "conv": lambda: ConvNormAct(1, 4, 6, 4, stride=3, dilation=2, groups=2, bias=True),
    "valid conv": lambda: ConvNormAct(1, 4, 6, 3, padding="valid"),
    "transposed": lambda: ConvTransposeNormAct(1, 4, 6, 8, stride=4, bias=True),
    "odd transposed": lambda: ConvTransposeNormAct(1, 4, 6, 3, stride=2),
    "short transposed": lambda: ConvTransposeNormAct(1, 4, 6, 2, stride=3, norm=False, activation=None),
    "anti-aliased": lambda: AntiAliasedPool(1, 4, 3),
    "max": lambda: Pool(1, "max", 3, stride=2, padding=1),
    "mean": lambda: Pool(1, "avg", 4, ceil_mode=True),
    "adaptive": lambda: AdaptivePool(1, 3),
    "squeeze-excite": lambda: SqueezeExcite(1, 4, 0.5),
    "norm": lambda: nn.BatchNorm1d(4),
}
LENGTHS = (3, 4, 7, 31)


def trained(*layers):
    """In evaluation mode, with norms that change something."""
    network = nn.Sequential(*layers)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return network.eval()


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_in_two_axes_computes_what_it_did_in_one(name):
    torch.manual_seed(0)
    network = trained(ConvNormAct(1, 2, 4, 3), LAYERS[name]())
    lowered = lower(network)
    ones = (nn.Conv1d, nn.ConvTranspose1d, nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d, nn.BatchNorm1d)
    assert not any(isinstance(module, ones) for module in lowered.modules())
    with torch.inference_mode():
        for length in LENGTHS:
            x = torch.randn(2, 2, length)
            torch.testing.assert_close(lowered(x), network(x))
            assert network(x).std() > 0.05


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_is_exported_for_any_length(name, tmp_path):
    torch.manual_seed(0)
    network = trained(ConvNormAct(1, 1, 4, 3), LAYERS[name](), GlobalPool(1, "mean_max"))
    write_onnx(lower(network), AudioSpec(8000, 16, 16), tmp_path / "model.onnx")
    backend = OnnxBackend(tmp_path / "model.onnx", "waveform")
    for batch, length in enumerate(LENGTHS, start=1):
        x = torch.randn(batch, 1, length)
        with torch.inference_mode():
            np.testing.assert_allclose(backend(x.numpy()), network(x).numpy(), atol=1e-5, err_msg=f"length {length}")
    kinds = {node.op_type: node for node in onnx.load(tmp_path / "model.onnx").graph.node}
    assert ("BatchNormalization" in kinds) == (name == "norm")
    for kind in kinds.keys() & {"Conv", "ConvTranspose", "MaxPool", "AveragePool"}:
        (kernel,) = (list(a.ints) for a in kinds[kind].attribute if a.name == "kernel_shape")
        assert len(kernel) == 2


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("positions", [1, 3, 6])
def test_means_over_a_grid_are_those_of_the_pool(ndim, positions):
    torch.manual_seed(0)
    sizes = (positions, 2, 5)[:ndim]
    network = nn.Sequential(nn.Identity(), AdaptivePool(ndim, sizes)).eval()
    lowered = lower(network)
    assert not isinstance(lowered[1], AdaptivePool)
    for length in (1, 2, 5, 6, 7, 12, 13):
        x = torch.randn(2, 3, *(length, length + 1, 4)[:ndim])
        torch.testing.assert_close(lowered(x), network(x))


def test_one_way_answers_and_whole_networks_of_transposed_layers_are_lowered():
    torch.manual_seed(0)
    network = trained(ConvTransposeNormAct(1, 1, 2, 4, stride=2), nn.Flatten(), nn.Linear(24, 3))
    lowered = lower(network)
    assert any(isinstance(module, nn.ConvTranspose2d) for module in lowered.modules())
    x = torch.randn(2, 1, 6)
    with torch.inference_mode():
        torch.testing.assert_close(lowered(x), network(x))


def test_transposed_layers_over_more_axes_get_their_norms_folded():
    torch.manual_seed(0)
    for ndim in (2, 3):
        network = trained(ConvTransposeNormAct(ndim, 2, 3, 4, stride=2))
        lowered = lower(network)
        assert not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in lowered.modules())
        x = torch.randn(2, 2, *(3,) * ndim)
        with torch.inference_mode():
            torch.testing.assert_close(lowered(x), network(x))
