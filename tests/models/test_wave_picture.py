"""The network that draws sound as a picture: its layer table, the way of the bands into it, arithmetic, lengths."""

import pytest
import torch

from audiocnn import models
from audiocnn.errors import ConfigError
from audiocnn.nn.filterbank import Energies
from audiocnn.nn.lowering import lower
from tests.conftest import lively_network

SMALL = {"width": 4, "num_filters": 12, "filter_length": 64}


def test_weights_by_hand():
    def conv(channels_in, channels_out, kernel):
        return channels_in * channels_out * kernel**2 + 2 * channels_out

    front = 64 * 256 + 2 * 64
    body = conv(1, 16, 5) + 2 * conv(16, 16, 3)
    body += sum(conv(c // 2, c, 3) + conv(c, c, 3) + conv(c // 2, c, 1) for c in (32, 64))
    network = models.build("wave-picture", 10)
    assert sum(p.numel() for p in network.parameters()) == front + body + (128 * 10 + 10)


@pytest.mark.parametrize(("arguments", "frames"), [({}, 200), ({"stride": 16, "frame_rate": 100}, 400)])
def test_energies_come_at_the_frame_rate(arguments, frames):
    network = models.build("wave-picture", 10, arguments)
    assert network.energies(torch.randn(2, 1, 64_000)).shape == (2, 64, frames)


def test_bands_are_the_height_of_the_picture_and_time_its_width():
    network = models.build("wave-picture", 3, SMALL).eval()
    seen = []
    network.features.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    waveform = torch.randn(2, 1, 16_000)
    network(waveform)
    torch.testing.assert_close(seen[0], network.energies(waveform)[:, None])
    assert seen[0].shape == (2, 1, 12, 50)


@pytest.mark.parametrize("levels", [False, True])
def test_lowered_it_answers_the_same(levels):
    network = lively_network("wave-picture", 3, {**SMALL, "levels": levels})
    waveform = torch.randn(2, 1, 20_000)
    torch.testing.assert_close(lower(network)(waveform), network(waveform), rtol=1e-4, atol=1e-5)


def test_energies_of_quiet_bands_survive_bfloat16():
    front = Energies(16_000, 16, 128, stride=32, frame_rate=50)
    waveform = torch.randn(1, 1, 16_000) * torch.linspace(1e-3, 1, 16_000)
    with torch.autocast("cpu", torch.bfloat16):
        rough = front(waveform)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, front(waveform), rtol=0, atol=0.05)


def test_only_with_levels_does_a_steady_sound_differ_from_a_louder_one():
    steady = torch.randn(1, 1, 16_000, generator=torch.Generator().manual_seed(0))
    changes = []
    for levels in (False, True):
        network = lively_network("wave-picture", 3, {**SMALL, "levels": levels})
        changes.append((network(steady) - network(10 * steady)).abs().max())
    assert changes[0] < 0.1 * changes[1]


def test_levels_must_be_a_switch():
    with pytest.raises(ConfigError, match=r"levels must be true or false, got 2; it takes"):
        models.build("wave-picture", 3, {**SMALL, "levels": 2})
