"""What the silence detector's network does besides what every network does."""

import pytest
import torch

from audiocnn import models
from audiocnn.models.silence_detector import FLOOR, FRAME
from tests.conftest import lively_network


@pytest.fixture(scope="module")
def network():
    return lively_network("silence-detector", 2)


def test_count_by_hand():
    filters = 24 * 128
    context = 3 * (24 * 24 * 5 + 2 * 24)
    head = 24 * 1 + 1
    network = models.build("silence-detector", 1)
    assert sum(p.numel() for p in network.parameters()) == filters + context + head == 11_881


@pytest.mark.parametrize(
    ("samples", "frames"), [(1, 1), (320, 1), (321, 2), (640, 2), (16_000, 50), (63_999, 200), (64_000, 200)]
)
def test_a_logit_for_every_20_ms_and_one_for_the_rest(network, samples, frames):
    with torch.inference_mode():
        assert network.frames(torch.randn(3, 1, samples)).shape == (3, 2, frames)


def test_the_clip_s_logit_is_the_mean_over_its_frames(network):
    x = torch.randn(2, 1, 8000)
    with torch.inference_mode():
        torch.testing.assert_close(network(x), network.frames(x).mean(-1))


@pytest.mark.parametrize("frame", [0, 7, 24])
def test_energy_lies_in_the_frame_where_the_sound_is(network, frame):
    x = torch.zeros(1, 1, 25 * FRAME)
    x[..., frame * FRAME + FRAME // 4 : (frame + 1) * FRAME - FRAME // 4] = torch.randn(FRAME // 2)
    with torch.inference_mode():
        energies = network.energies(x)[0]
    assert (energies.argmax(-1) == frame).all()
    assert (energies[:, [i for i in range(25) if i != frame]] == 0).all()


def test_energies_are_decibels_above_the_floor(network):
    time = torch.arange(16_000) / 16_000
    wave = torch.sin(2 * torch.pi * 1000 * time)[None, None]
    with torch.inference_mode():
        loud, soft, none = (network.energies(gain * wave)[0, :, 25] for gain in (1.0, 0.1, 0.0))
    best = loud.argmax()
    assert loud[best] - soft[best] == pytest.approx(2 * torch.log(torch.tensor(10.0)).item(), abs=0.01)
    assert FLOOR == 1e-6
    assert (none == 0).all()


def test_half_a_second_to_either_side_counts(network):
    x = torch.randn(1, 1, 200 * FRAME)
    with torch.inference_mode():
        before = network.frames(x)
        x[..., 100 * FRAME : 101 * FRAME] *= 3
        changed = (network.frames(x) - before).abs().amax(dim=(0, 1)).nonzero().flatten()
    # 26 frames of context; the filters reach 4 ms into the frames beside.
    assert (changed.min().item(), changed.max().item()) == (100 - 27, 100 + 27)
