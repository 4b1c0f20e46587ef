"""The project's own network: its layer table, its halving without aliases, its head; both front ends."""

import pytest
import torch
from torch import nn

from audiocnn import models
from audiocnn.errors import ConfigError
from audiocnn.models.wave_pyramid import STRIDED_FRONT
from audiocnn.nn.antialias import AntiAliasedPool
from audiocnn.nn.cost import layer_costs
from tests.conftest import lively_network

SMALL = {"width": 8, "num_filters": 8, "filter_length": 64}


def on_meta(arguments=None):
    with torch.device("meta"):
        return models.build("wave-pyramid", 10, arguments).eval()


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def count(width, depth, front_channels):
    """Weights of everything behind the front end, layer by layer."""

    def norm(channels):
        return 2 * channels

    def block(c):
        return 5 * c + norm(c) + c * 2 * c + norm(2 * c) + 2 * c * c + norm(c)

    widths = [width, width, width * 3 // 2, width * 2]
    entries = zip([front_channels, *widths[:-1]], widths, strict=True)
    levels = sum(before * c + norm(c) + depth * block(c) for before, c in entries)
    return levels + 2 * sum(widths[1:]) * 10 + 10


class TestLayerTable:
    def test_weights_by_hand(self):
        assert parameters(on_meta()) == 64 * 256 + 2 * 64 + count(128, 3, 64) == 1_777_226
        other = {"width": 32, "depth": 5, "num_filters": 20, "filter_length": 100}
        assert parameters(on_meta(other)) == 20 * 100 + 2 * 20 + count(32, 5, 20)
        front = sum(
            before * after * kernel + 2 * after
            for before, (after, kernel, _) in zip((1, 16, 32, 64), STRIDED_FRONT, strict=True)
        )
        assert parameters(on_meta({"front": "strided"})) == front + count(128, 3, 64)

    @pytest.mark.parametrize("front", ["filterbank", "strided"])
    def test_frames_of_10_ms_and_three_halvings(self, front):
        network = on_meta({"front": front})
        x = network.front(torch.zeros(1, 1, 64_000, device="meta"))
        shapes = [tuple(x.shape[1:])]
        for level in network.levels:
            x = level(x)
            shapes.append(tuple(x.shape[1:]))
        assert shapes == [(64, 400), (128, 400), (128, 200), (192, 100), (256, 50)]

    def test_dilations_go_round_and_every_block_keeps_what_comes_in(self):
        network = on_meta({"depth": 4})
        for level in network.levels:
            blocks = list(level)[-4:]
            assert [block.branch[0].conv.dilation for block in blocks] == [(1,), (2,), (4,), (1,)]
            assert [block.branch[0].conv.groups for block in blocks] == [level[-1].branch[0].conv.in_channels] * 4
            assert all(isinstance(block.shortcut, nn.Identity) for block in blocks)
            assert all(isinstance(block.branch[3].act, nn.Identity) for block in blocks)

    def test_last_position_sees_more_than_four_seconds(self):
        rows = layer_costs(on_meta(), (1, 64_000))
        fields = [row.receptive_field for row in rows if row.kind == "Conv1d"]
        assert fields[-1] == ((69_840, 1280),)

    def test_costs_the_same_order_as_the_filterbank_resnet(self):
        with torch.device("meta"):
            resnet = models.build("filterbank-resnet", 10).eval()
        own, other = (sum(row.multiply_adds for row in layer_costs(n, (1, 64_000))) for n in (on_meta(), resnet))
        assert (own, other) == (280_315_520, 174_938_112)


@pytest.mark.parametrize("front", ["filterbank", "strided"])
class TestBothFronts:
    def test_any_length_gives_finite_logits(self, front):
        network = lively_network("wave-pyramid", 10, {**SMALL, "front": front})
        with torch.inference_mode():
            for length in (1, 2, 17, 161, 1025, 40_000):
                logits = network(torch.randn(2, 1, length))
                assert logits.shape == (2, 10)
                assert logits.isfinite().all()
                assert logits.std() > 0.01

    def test_no_position_is_dropped_without_a_low_pass(self, front):
        network = on_meta({"front": front})
        low_passes = {m.filter for m in network.modules() if isinstance(m, AntiAliasedPool)}
        strided = [m for m in network.modules() if isinstance(m, nn.Conv1d) and m.stride != (1,)]
        if front == "filterbank":
            strided.remove(network.front.filters.conv)  # 1 ms apart, and a mean over 10 ms follows
        assert {m.stride for m in strided} == {(2,)} if front == "filterbank" else {(2,), (4,), (5,)}
        assert set(strided) == low_passes
        pools = nn.MaxPool1d if front == "filterbank" else (nn.MaxPool1d, nn.AvgPool1d)
        assert not any(isinstance(m, pools) for m in network.modules())

    def test_gradients_reach_every_parameter(self, front):
        network = lively_network("wave-pyramid", 10, {**SMALL, "front": front}).train()
        network(torch.randn(4, 1, 8000)).square().sum().backward()
        for path, parameter in network.named_parameters():
            assert parameter.grad is not None, path
            assert parameter.grad.abs().max() > 0, path


def test_the_head_sees_mean_and_maximum_of_the_last_three_levels():
    network = lively_network("wave-pyramid", 5, SMALL)
    x = torch.randn(2, 1, 6000)
    with torch.inference_mode():
        logits, x = network(x), network.front(x)
        seen = []
        for level in network.levels:
            x = level(x)
            seen += [x.mean(-1), x.amax(-1)]
        torch.testing.assert_close(logits, network.head(torch.cat(seen[2:], dim=1)))


def test_new_blocks_add_nothing():
    network = models.build("wave-pyramid", 5, SMALL).eval()
    x = torch.rand(2, 8, 30)
    with torch.inference_mode():
        for block in list(network.levels[0])[1:]:
            torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 9}, "width must be even, got 9: level 3 has 1.5 times as many channels"),
        ({"depth": 0}, "depth must be a whole number of at least 1, got 0"),
        ({"front": "mel"}, "front must be 'filterbank' or 'strided', got 'mel'"),
    ],
)
def test_refuses_illegal_arguments(arguments, message):
    with pytest.raises(ConfigError) as caught:
        models.build("wave-pyramid", 4, arguments)
    assert f": {message}; it takes width, depth, front, " in str(caught.value)
