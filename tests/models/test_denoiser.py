"""The denoiser: filters that undo each other, levels, lengths, bad input."""

import math

import pytest
import torch

from audiocnn.errors import ConfigError
from audiocnn.models.denoiser import OVERLAP, Denoiser, fourier_filters

SMALL = {"filter_length": 64, "width": 8}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Denoiser(**SMALL).eval()


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_filters_are_a_complete_orthogonal_basis_under_a_window():
    filters = fourier_filters(64)[:, 0].double()
    window = torch.sin(math.pi * (torch.arange(64).double() + 0.5) / 64)
    torch.testing.assert_close((filters / window) @ (filters / window).T, torch.eye(64).double(), atol=1e-5, rtol=0)
    overlapping = window.square().reshape(OVERLAP, -1).sum(0)
    torch.testing.assert_close(overlapping, torch.full_like(overlapping, OVERLAP / 2))


def test_with_open_masks_an_untrained_network_gives_back_what_it_hears(network):
    torch.nn.init.constant_(network.exit.bias, 50.0)
    waveform = noise(2, 1, 1000)
    with torch.inference_mode():
        heard = network(waveform)
    torch.testing.assert_close(heard[..., 64:-64], waveform[..., 64:-64], atol=1e-4, rtol=0)


def test_closed_masks_give_silence(network):
    torch.nn.init.constant_(network.exit.bias, -50.0)
    with torch.inference_mode():
        assert network(noise(1, 1, 1000)).abs().max() < 1e-6


def test_a_louder_recording_comes_out_as_much_louder(network):
    waveform = noise(1, 1, 640)
    with torch.inference_mode():
        torch.testing.assert_close(network(100 * waveform), 100 * network(waveform), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("num_samples", [1, 15, 16, 17, 1000])
def test_keeps_the_length_and_stays_finite(network, num_samples):
    for waveform in (noise(3, 1, num_samples), torch.zeros(3, 1, num_samples)):
        with torch.inference_mode():
            clean = network(waveform)
        assert clean.shape == (3, 1, num_samples)
        assert clean.isfinite().all()


def test_number_of_weights():
    pairs, width = 256, 128
    block = 2 * (width * 2 * width) + 3 * 2 * width + 2 * (2 * width + 2 * width + width)
    mask = 2 * pairs + pairs * width + 2 * width + 8 * block + width * pairs + pairs
    assert sum(p.numel() for p in Denoiser().parameters()) == 2 * 512 * 512 + mask == 1_131_520


@pytest.mark.parametrize("bad", [{"filter_length": 60}, {"filter_length": 0}, {"width": 0}, {"width": 1.5}])
def test_refuses_illegal_sizes(bad):
    with pytest.raises(ConfigError):
        Denoiser(**bad)


@pytest.mark.parametrize("shape", [(1, 2, 640), (1, 640), (1, 1, 0)])
def test_refuses_other_shapes(network, shape):
    with pytest.raises(ConfigError):
        network(torch.zeros(shape))
