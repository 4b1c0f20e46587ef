"""The network of several readers: its weights, what each reader sees, how it answers in training and afterwards."""

import pytest
import torch

from audiocnn import models
from audiocnn.errors import ConfigError
from audiocnn.nn.lowering import lower
from tests.conftest import lively_network

SMALL = {"width": 4, "num_filters": 12, "filter_length": 64}
VIEWS = [["shape"], ["levels"], ["both"], ["levels", "levels"], ["shape", "levels", "both"]]


def test_weights_are_those_of_one_filterbank_and_of_each_reader():
    def weights(name, **arguments):
        return sum(p.numel() for p in models.build(name, 10, arguments).parameters())

    front = 64 * 256
    scale = 2 * 64  # of the norm over time as of that over the batch
    shape = weights("wave-picture") - front - scale
    both = weights("wave-picture", levels=True) - front - 2 * scale
    assert both == shape + 16 * 5 * 5
    assert weights("wave-readers", views=["shape"]) == front + scale + shape
    assert weights("wave-readers", views=["levels"]) == front + scale + shape
    assert weights("wave-readers") == front + 2 * scale + 2 * shape + both - 2 * 10  # one bias for all heads


@pytest.mark.parametrize("views", VIEWS)
def test_in_training_each_reader_answers_and_afterwards_their_mean(views):
    network = lively_network("wave-readers", 3, {**SMALL, "views": views})
    waveform = torch.randn(2, 1, 16_000)
    answer = network(waveform)
    network.training = True  # and no layer in it, which would differ by chance
    each = network(waveform)
    assert each.shape == (2, len(views), 3)
    torch.testing.assert_close(each.mean(1), answer)


@pytest.mark.parametrize(("view", "differs"), [("shape", False), ("levels", True), ("both", True)])
def test_only_readers_of_levels_tell_a_steady_sound_from_a_louder_one(view, differs):
    steady = torch.randn(1, 1, 16_000, generator=torch.Generator().manual_seed(0))
    network = lively_network("wave-readers", 3, {**SMALL, "views": [view]})
    change = (network(steady) - network(10 * steady)).abs().max() / network(steady).std()
    assert (change > 0.5) == differs


@pytest.mark.parametrize("views", VIEWS)
def test_training_reaches_every_weight(views):
    network = lively_network("wave-readers", 3, {**SMALL, "views": views}).train()
    network(torch.randn(4, 1, 16_000)).square().sum().backward()
    assert [path for path, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("views", VIEWS)
def test_lowered_it_answers_the_same(views):
    network = lively_network("wave-readers", 3, {**SMALL, "views": views})
    waveform = torch.randn(2, 1, 20_000)
    torch.testing.assert_close(lower(network)(waveform), network(waveform), rtol=1e-4, atol=1e-5)


def test_masks_hide_the_shape_and_never_the_levels():
    waveform = torch.randn(2, 1, 16_000)
    for view, hidden in (("shape", True), ("levels", False), ("both", True)):
        plain = lively_network("wave-readers", 3, {**SMALL, "views": [view]})
        masked = lively_network("wave-readers", 3, {**SMALL, "views": [view], "mask_bands": 10, "mask_frames": 30})
        plain.training = masked.training = True
        assert torch.allclose(plain(waveform), masked(waveform), atol=1e-4) != hidden


@pytest.mark.parametrize("views", [[], ["loudness"], "shape", ["shape", 3], 3])
def test_views_must_be_known(views):
    with pytest.raises(ConfigError, match="views"):
        models.build("wave-readers", 3, {**SMALL, "views": views})
