"""The U-Net: sizes of all kinds, what reaches what, bad input."""

import pytest
import torch

from audiocnn.errors import ConfigError
from audiocnn.models.unet import UNet


def build(ndim=1, **changed):
    torch.manual_seed(0)
    return UNet(ndim, 2, 3, **({"width": 4, "steps": 3} | changed)).eval()


@pytest.mark.parametrize("shape", [(1,), (16,), (17,), (7, 9), (16, 1), (5, 6, 7)], ids=str)
def test_keeps_sizes_of_one_two_and_three_axes(shape):
    network = build(len(shape), first_stride=(2, *[1] * (len(shape) - 1)))
    with torch.inference_mode():
        assert network(torch.randn(2, 2, *shape)).shape == (2, 3, *shape)


def test_number_of_weights():
    def conv(inputs, outputs, kernel):
        return inputs * outputs * kernel**2 + 2 * outputs

    def block(channels):
        return 2 * conv(channels, channels, 3)

    down = conv(2, 4, 5) + block(4) + conv(4, 8, 3) + block(8) + conv(8, 16, 3) + block(16)
    up = conv(16, 8, 1) + block(8) + conv(8, 4, 1) + block(4)
    last = conv(4 + 2, 8, 3) + 8 * 3 * 9 + 3
    assert sum(p.numel() for p in build(2).parameters()) == down + 2 * block(16) + up + last


def reach(network, length=400):
    """How far a change in the middle of the input is seen in the output, in positions to the left."""
    quiet, changed = torch.zeros(1, 2, length), torch.zeros(1, 2, length)
    changed[..., length // 2] = 100.0
    with torch.inference_mode():
        seen = (network(changed) - network(quiet)).abs().amax((0, 1)) > 0
    return length // 2 - int(seen.int().argmax())


def test_every_step_sees_further():
    assert 10 < reach(build(steps=1)) < reach(build(steps=2)) < reach(build(steps=3))


@pytest.mark.parametrize("part", ["up", "bottom"])
def test_what_lies_below_takes_part(part):
    network, x = build(), torch.randn(1, 2, 64)
    with torch.inference_mode():
        before = network(x)
        for weights in getattr(network, part).parameters():
            weights.zero_()
        assert (network(x) - before).abs().max() > 1e-4


def test_the_input_itself_reaches_the_exit():
    network = build()
    with torch.inference_mode():
        for weights in [*network.down.parameters(), *network.bottom.parameters(), *network.join.parameters()]:
            weights.zero_()
        one, other = (network(torch.randn(1, 2, 64)) for _ in range(2))
    assert (one - other).abs().max() > 1e-4


def test_each_step_up_has_what_was_seen_on_the_way_down_beside_it():
    network = build()
    with torch.inference_mode():
        for weights in network.up.parameters():
            weights.zero_()
        network.exit[0].conv.weight[:, -2:] = 0  # not by way of the input beside the exit
        one, other = (network(torch.randn(1, 2, 64)) for _ in range(2))
    assert (one - other).abs().max() > 1e-4


@pytest.mark.parametrize("bad", [{"width": 0}, {"steps": 0}, {"first_stride": (2, 1)}], ids=str)
def test_refuses_illegal_sizes(bad):
    with pytest.raises(ConfigError):
        build(**bad)


@pytest.mark.parametrize("shape", [(1, 3, 64), (1, 2, 8, 8), (1, 2, 0)], ids=str)
def test_refuses_other_shapes(shape):
    with pytest.raises(ConfigError):
        build()(torch.zeros(shape))
