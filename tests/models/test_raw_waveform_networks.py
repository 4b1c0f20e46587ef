"""SampleCNN and its relatives, the PANNs wave nets and the hybrids: published counts, layer tables, what blocks do.

Counts and shapes are taken on torch's meta device, where large networks cost nothing.
"""

import pytest
import torch
from torch import nn

from audiocnn import models
from audiocnn.errors import ConfigError
from tests.conftest import SLIM, lively_network

WIDE = {"gate_ratio": 16}
PUBLISHED = [
    ("sample-cnn", 50, {}, 1_869_874),
    ("sample-cnn-multi", 50, {}, 2_683_442),
    ("sample-cnn-se", 50, WIDE, 23_929_138),
    ("sample-cnn-se-multi", 50, WIDE, 24_742_706),
    ("sample-cnn-res", 50, {}, 4_107_314),
    ("sample-cnn-res-multi", 50, {}, 4_920_882),
    ("sample-cnn-rese", 50, WIDE, 26_166_578),
    ("sample-cnn-rese-multi", 50, WIDE, 26_980_146),
    ("leenet11", 527, {}, 748_367),
    ("res1dnet31", 527, {}, 80_464_463),
    ("acdnet", 50, {}, 4_735_378),
    ("envnet-v2", 50, {}, 101_251_186),
]
SAMPLE_LEVEL = [name for name in models.names() if name.startswith("sample-cnn-")]
RESIDUAL = [name for name in SAMPLE_LEVEL if "-res" in name]
GATED = [name for name in SAMPLE_LEVEL if "se-" in f"{name}-"]
LENGTHS = [19_683, 6561, 2187, 729, 243, 81, 27, 9, 3, 1]  # of 59,049 samples


def on_meta(name, num_outputs=10, arguments=None):
    with torch.device("meta"):
        return models.build(name, num_outputs, arguments).eval()


def trace(layers, x):
    """What comes out behind the last of `layers`, and the shapes after each, without the batch."""
    shapes = []
    for layer in layers:
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    return x, shapes


def waveform(length):
    return torch.zeros(1, 1, length, device="meta")


@pytest.mark.parametrize(("name", "num_outputs", "arguments", "parameters"), PUBLISHED)
def test_published_parameter_counts(name, num_outputs, arguments, parameters):
    assert sum(p.numel() for p in on_meta(name, num_outputs, arguments).parameters()) == parameters


@pytest.mark.parametrize("name", GATED)
def test_gates_squeeze_to_an_eighth_unless_told_otherwise(name):
    assert len(GATED) == 4
    widths = [128, 128, 256, 256, 256, 256, 256, 256, 512]
    gates = sum(c * (c // 8) + c // 8 + (c // 8) * c + c for c in widths)
    plain = sum(p.numel() for p in on_meta(name.replace("-rese", "-res").replace("-se", ""), 10).parameters())
    assert sum(p.numel() for p in on_meta(name, 10).parameters()) == plain + gates


@pytest.mark.parametrize("name", [row[0] for row in PUBLISHED])
def test_dropout_as_published(name):
    inside = [0.2] * 9 if name in RESIDUAL else [0.1] * 14 if name == "res1dnet31" else []
    head = {"leenet11": [0.5, 0.5], "res1dnet31": [0.5, 0.5], "envnet-v2": [0.5, 0.5], "acdnet": [0.2]}.get(name, [0.5])
    assert [m.p for m in on_meta(name).modules() if isinstance(m, nn.Dropout)] == inside + head


@pytest.mark.parametrize("name", [row[0] for row in PUBLISHED])
def test_first_weights_as_published(name):
    """Large enough filters show how they were drawn: by their deviation, and by whether they have a limit."""
    torch.manual_seed(0)
    convolutions = [m for m in models.build(name, 10, SLIM.get(name)).modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]
    large = [m.weight.detach() for m in convolutions if m.weight.numel() >= 1000]
    assert len(large) >= 4
    for weight in large:
        fan_out, fan_in = (n * weight[0, 0].numel() for n in weight.shape[:2])
        glorot = name in ("leenet11", "res1dnet31")
        deviation = (2 / (fan_in + fan_out if glorot else fan_in)) ** 0.5
        assert weight.std() == pytest.approx(deviation, rel=0.08)
        uniform = weight.abs().max() <= 3**0.5 * deviation
        assert uniform == (name not in ("acdnet", "envnet-v2"))


class TestLayerTables:
    def test_sample_cnn(self):
        _, shapes = trace(on_meta("sample-cnn").features, waveform(59_049))
        convolved = [shape for i, shape in enumerate(shapes) if i == 0 or i % 2]  # the convolutions, then their pools
        assert [length for _, length in shapes[0:20:2]] == LENGTHS
        assert [channels for channels, _ in convolved] == [128] * 3 + [256] * 6 + [512] * 2
        assert shapes[-1] == (512, 1)

    @pytest.mark.parametrize("name", SAMPLE_LEVEL)
    def test_sample_level_blocks(self, name):
        network = on_meta(name)
        _, shapes = trace([network.stem, *network.blocks], waveform(59_049))
        assert shapes == list(zip([128] * 3 + [256] * 6 + [512], LENGTHS, strict=True))
        assert network.dense.linear.in_features == (1024 if name.endswith("-multi") else 512)

    def test_leenet11(self):
        _, shapes = trace(on_meta("leenet11").features, waveform(320_000))
        assert shapes[0::2] == [
            (64, 106_667), (64, 35_556), (64, 11_852), (128, 3951), (128, 1317), (128, 439), (128, 147), (128, 49),
            (256, 17),
        ]  # fmt: skip

    def test_res1dnet31(self):
        features = on_meta("res1dnet31").features
        _, shapes = trace(features, waveform(320_000))
        stages = [(64, 64_000), (128, 16_000), (256, 4000), (512, 1000), (1024, 250), (1024, 63), (2048, 16)]
        assert shapes == [stages[0], *(stage for stage in stages for _ in range(2))]
        convolutions = [m for block in features[1:] for m in block.branch.modules() if isinstance(m, nn.Conv1d)]
        assert [m.dilation for m in convolutions] == [(1,), (2,)] * 14

    def test_acdnet(self):
        network = on_meta("acdnet", 7)
        picture, shapes = trace(network.front, waveform(30_225).unsqueeze(2))
        assert shapes == [(8, 1, 15_109), (64, 1, 7553), (64, 1, 151)]
        _, shapes = trace(network.back, picture.transpose(1, 2))
        assert list(dict.fromkeys(shapes)) == [
            (32, 64, 151), (32, 32, 75), (64, 32, 75), (64, 16, 37), (128, 16, 37), (128, 8, 18), (256, 8, 18),
            (256, 4, 9), (512, 4, 9), (512, 2, 4), (7, 2, 4),
        ]  # fmt: skip
        assert network(waveform(30_225)).shape == (1, 7)

    @pytest.mark.parametrize(("sample_rate", "pixel"), [(16_000, 40), (20_000, 50), (44_100, 110)])
    def test_acdnet_has_pixels_of_10_ms(self, sample_rate, pixel):
        assert on_meta("acdnet", 7, {"sample_rate": sample_rate}).front[-1].pool.kernel_size == (1, pixel)

    def test_envnet_v2(self):
        network = on_meta("envnet-v2")
        picture, shapes = trace(network.front, waveform(66_650).unsqueeze(2))
        assert shapes == [(32, 1, 33_294), (64, 1, 16_640), (64, 1, 260)]
        features, shapes = trace(network.back, picture.transpose(1, 2))
        assert [shapes[i] for i in (1, 2, 4, 5, 7, 8, 10, 11)] == [
            (32, 50, 246), (32, 10, 82), (64, 10, 76), (64, 10, 38), (128, 10, 36), (128, 10, 18), (256, 10, 16),
            (256, 10, 8),
        ]  # fmt: skip
        assert network.dense(features).shape == (1, 4096, 1, 1)


class TestSampleLevelBlocks:
    @pytest.mark.parametrize("name", SAMPLE_LEVEL)
    def test_the_head_sees_the_maxima_of_the_last_levels(self, name):
        network = lively_network(name, 5, SLIM[name])
        x = torch.randn(2, 1, 70_000)
        with torch.inference_mode():
            logits, x = network(x), network.stem(x)
            maxima = []
            for block in network.blocks:
                x = block(x)
                maxima.append(x.amax(-1))
            seen = torch.cat(maxima[6:], 1) if name.endswith("-multi") else maxima[8]
            torch.testing.assert_close(logits, network.head(network.dense(seen)))

    @pytest.mark.parametrize("name", GATED)
    def test_a_closed_gate_shuts_the_branch_and_leaves_the_shortcut(self, name):
        block = lively_network(name, 5, SLIM[name]).blocks[2]
        gate = next(m for m in block.modules() if hasattr(m, "excite"))
        nn.init.constant_(gate.excite.bias, -100)
        x = torch.randn(2, 16, 30)
        with torch.inference_mode():
            kept = block[0].shortcut(x).relu() if name in RESIDUAL else torch.zeros(2, 32, 30)
            torch.testing.assert_close(block(x), nn.functional.max_pool1d(kept, 3))

    def test_se_gates_what_the_pool_leaves(self):
        block = lively_network("sample-cnn-se", 5, SLIM["sample-cnn-se"]).blocks[2]
        basic, gate = block
        x = torch.randn(2, 16, 30)
        with torch.inference_mode():
            pooled = nn.functional.max_pool1d(basic[0](x), 3)
            torch.testing.assert_close(block(x), gate(pooled))

    @pytest.mark.parametrize("name", RESIDUAL)
    def test_same_channels_pass_untouched_and_others_through_a_convolution(self, name):
        blocks = lively_network(name, 5, SLIM[name]).blocks
        changing = [i for i, block in enumerate(blocks) if not isinstance(block[0].shortcut, nn.Identity)]
        assert changing == [2, 8]
        nn.init.zeros_(blocks[0][0].branch[2].norm.weight)
        nn.init.zeros_(blocks[0][0].branch[2].norm.bias)
        x = torch.randn(2, 16, 30)
        with torch.inference_mode():
            torch.testing.assert_close(blocks[0](x), nn.functional.max_pool1d(x.relu(), 3))


def test_new_res1dnet_branches_add_nothing():
    network = models.build("res1dnet31", 10, SLIM["res1dnet31"]).eval()
    x = torch.randn(2, 4, 41)
    first_of_stage_2 = network.features[3]
    with torch.inference_mode():
        torch.testing.assert_close(network.features[1](x), x.relu())
        averaged = nn.functional.avg_pool1d(x, 4, ceil_mode=True)
        torch.testing.assert_close(first_of_stage_2(x), first_of_stage_2.shortcut[1](averaged).relu())


@pytest.mark.parametrize("name", ["leenet11", "res1dnet31"])
def test_panns_head_adds_mean_and_maximum(name):
    network = lively_network(name, 10, SLIM.get(name))
    x = torch.randn(2, 1, 70_000)
    with torch.inference_mode():
        features = network.features(x)
        assert features.shape[-1] > 1
        summed = features.mean(-1) + features.amax(-1)
        hidden = network.dense[1](summed).relu()
        torch.testing.assert_close(network(x), network.head(hidden))


class TestHybrids:
    @pytest.mark.parametrize(("name", "shortest"), [("acdnet", 6413), ("envnet-v2", 66_650)])
    def test_a_short_input_is_one_with_zeros_behind_it(self, name, shortest):
        network = lively_network(name, 4, SLIM.get(name))
        x = torch.randn(2, 1, shortest)
        with torch.inference_mode():
            for length in (1, 500, shortest - 1):
                padded = nn.functional.pad(x[..., :length], (0, shortest - length))
                assert torch.equal(network(x[..., :length]), network(padded))
            assert (network(x) - network(x[..., :500])).abs().max() > 1e-2
        # One sample less would leave the last layers nothing to look at.
        network.pad.length = shortest - 1
        with pytest.raises((ConfigError, RuntimeError), match=r"^kernel_size|Output size is too small"):
            network(x[..., :-1])

    def test_dense_layers_of_envnet_are_linear_at_the_length_of_the_paper(self):
        network = lively_network("envnet-v2", 4, SLIM["envnet-v2"])
        first, _, second, _ = network.dense
        x = torch.randn(2, 1, 66_650)
        with torch.inference_mode():
            flat = network.back(network.front(x.unsqueeze(2)).transpose(1, 2)).flatten(1)
            hidden = nn.functional.linear(flat, first.conv.weight.flatten(1), first.conv.bias).relu()
            hidden = nn.functional.linear(hidden, second.conv.weight.flatten(1), second.conv.bias).relu()
            torch.testing.assert_close(network(x), network.head(hidden))

    def test_envnet_averages_over_a_longer_input(self):
        network = lively_network("envnet-v2", 4, SLIM["envnet-v2"])
        x = torch.randn(2, 1, 66_650 + 6144)
        with torch.inference_mode():
            windows = torch.stack([network(x[..., :-6144]), network(x[..., 6144:])])
            torch.testing.assert_close(network(x), windows.mean(0))
        assert (windows[0] - windows[1]).abs().max() > 1e-3

    def test_a_narrow_envnet_is_refused(self):
        with pytest.raises(
            ConfigError, match=r": width must be at least 10, got 9: layers 3 and 4 need 2 x width rows; "
        ):
            models.build("envnet-v2", 4, {"width": 9})
