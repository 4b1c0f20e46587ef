"""The denoiser: filters that undo each other, levels, lengths, bad input."""

import math

import pytest
import torch

from audiocnn.errors import ConfigError
from audiocnn.models.denoiser import OVERLAP, Denoiser, fourier_filters
from audiocnn.nn.shapes import same_padding

SMALL = {"filter_length": 64, "width": 8}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Denoiser(**SMALL).eval()


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_filters_are_a_complete_orthogonal_basis_under_a_window():
    filters = fourier_filters(64).double()
    window = torch.sin(math.pi * (torch.arange(64).double() + 0.5) / 64)
    torch.testing.assert_close((filters / window) @ (filters / window).T, torch.eye(64).double(), atol=1e-5, rtol=0)
    overlapping = window.square().reshape(OVERLAP, -1).sum(0)
    torch.testing.assert_close(overlapping, torch.full_like(overlapping, OVERLAP / 2))


def test_with_open_masks_an_untrained_network_gives_back_what_it_hears(network):
    torch.nn.init.constant_(network.mask.exit[-1].bias, 50.0)
    waveform = noise(2, 1, 1000)
    with torch.inference_mode():
        heard = network(waveform)
    torch.testing.assert_close(heard[..., 64:-64], waveform[..., 64:-64], atol=1e-4, rtol=0)


def test_closed_masks_give_silence(network):
    torch.nn.init.constant_(network.mask.exit[-1].bias, -50.0)
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


def test_the_mask_alone_is_learned_and_saved(network):
    mask = {f"mask.{name}": value for name, value in network.mask.state_dict().items()}
    assert network.state_dict().keys() == mask.keys()
    assert len(list(network.parameters())) == len(list(network.mask.parameters()))
    assert sum(p.numel() for p in Denoiser().parameters()) == 671_429


def test_encoder_is_a_strided_convolution_with_fourier_filters(network):
    waveform = noise(1, 1, 320)
    heard = network.encoder(waveform.unflatten(-1, (-1, 16))[:, 0].mT)
    before = same_padding(OVERLAP)[0] * 16
    padded = torch.nn.functional.pad(waveform, (before, 64 - 16 - before))
    torch.testing.assert_close(heard, torch.nn.functional.conv1d(padded, fourier_filters(64)[:, None], stride=16))


def test_the_mask_sees_what_is_above_the_steady_level_and_where(network):
    seen = []
    network.mask.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        network(noise(1, 1, 640))
    energies, above, place = seen[0][0]
    torch.testing.assert_close(above, energies - energies.mean(-1, keepdim=True))
    assert above.abs().max() > 0.1
    torch.testing.assert_close(place, torch.linspace(-1, 1, 32)[:, None].expand(32, 40))


def test_masks_alone_are_computed_in_bfloat16(network):
    waveform = noise(1, 1, 640)
    torch.nn.init.constant_(network.mask.exit[-1].bias, 50.0)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        heard = network(waveform)
    torch.testing.assert_close(heard[..., 64:-64], waveform[..., 64:-64], atol=1e-4, rtol=0)


@pytest.mark.parametrize("bad", [{"filter_length": 60}, {"filter_length": 0}, {"width": 0}, {"width": 1.5}])
def test_refuses_illegal_sizes(bad):
    with pytest.raises(ConfigError):
        Denoiser(**bad)


@pytest.mark.parametrize("shape", [(1, 2, 640), (1, 640), (1, 1, 0)])
def test_refuses_other_shapes(network, shape):
    with pytest.raises(ConfigError):
        network(torch.zeros(shape))
