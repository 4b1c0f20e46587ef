"""What every registered network over two or three axes must do.

Counts, shapes and gradients' paths are taken on torch's meta device, where large networks cost nothing.
"""

import pytest
import torch

from audiocnn import models
from audiocnn.errors import ConfigError
from audiocnn.nn.group_conv import elements, turned
from tests.conftest import lively_network

# Name: (input of the paper, smallest input or None where that takes seconds, parameters for so many outputs).
NETWORKS = {
    "mlp": ((1, 28, 28), (1, 28, 28), {10: 7_960}),
    "mnist-cnn": ((1, 28, 28), (1, 28, 28), {10: 34_826}),
    "lenet-5": ((1, 32, 32), (1, 32, 32), {10: 61_706}),
    "lenet-20-50-500": ((1, 28, 28), (1, 28, 28), {10: 431_080}),
    "p4-cnn": ((1, 28, 28), (1, 28, 28), {10: 24_680}),
    "alexnet": ((3, 224, 224), (3, 63, 63), {1000: 61_100_840}),
    "alexnet-2012": ((3, 224, 224), (3, 63, 63), {1000: 60_965_224}),
    "resnet-18": ((3, 224, 224), (3, 1, 1), {1000: 11_689_512}),
    "small-resnet": ((1, 28, 28), (1, 1, 1), {10: 227_314}),
    "c3d": ((3, 16, 112, 112), None, {10: 78_036_746, 101: 78_409_573, 487: 79_991_015}),
    "r3d-18": ((3, 16, 112, 112), (3, 1, 1, 1), {10: 33_171_402, 400: 33_371_472}),
    "r2plus1d-18": ((3, 16, 112, 112), (3, 1, 1, 1), {10: 31_305_255, 400: 31_505_325}),
}
AXES = {"lenet-5": 32, "lenet-20-50-500": 28, "alexnet": 63, "alexnet-2012": 63, "resnet-18": 1, "small-resnet": 1}


def on_meta(name, num_outputs=10, arguments=None):
    with torch.device("meta"):
        return models.build(name, num_outputs, arguments).eval()


def count(network):
    return sum(p.numel() for p in network.parameters())


def trace(network, shape):
    """Shapes after each layer of `network.features`, without batch and channels."""
    x = torch.zeros(1, *shape, device="meta")
    shapes = []
    for layer in network.features:
        x = layer(x)
        shapes.append(tuple(x.shape[2:]))
    return shapes


def test_every_network_is_here():
    assert sorted(NETWORKS) == sorted(models.names(ndim=2) + models.names(ndim=3))
    assert sorted(AXES) == [name for name in models.names() if models.architecture(name).any_ndim]


@pytest.mark.parametrize("name", NETWORKS)
class TestEveryNetwork:
    def test_parameter_count(self, name):
        for num_outputs, parameters in NETWORKS[name][2].items():
            assert count(on_meta(name, num_outputs)) == parameters

    def test_takes_the_input_of_its_paper_as_registered(self, name):
        shape = NETWORKS[name][0]
        entry = models.architecture(name)
        assert (entry.in_channels, entry.ndim) == (shape[0], len(shape) - 1)
        assert on_meta(name, 7)(torch.zeros(2, *shape, device="meta")).shape == (2, 7)

    def test_gradients_have_a_path_to_every_parameter(self, name):
        network = on_meta(name).train()
        network(torch.zeros(2, *NETWORKS[name][0], device="meta")).sum().backward()
        assert [path for path, p in network.named_parameters() if p.grad is None] == []

    def test_refuses_other_axes_and_channels(self, name):
        network = on_meta(name)
        shape = NETWORKS[name][0]
        for wrong in (shape, (2, *shape, 4), (2, shape[0] + 1, *shape[1:]), (2, *shape[:-1], 0)):
            with pytest.raises(ConfigError, match=rf"expects input of shape \(batch, {shape[0]}, .*\), got \("):
                network(torch.zeros(wrong, device="meta"))


@pytest.mark.parametrize("name", [name for name in NETWORKS if NETWORKS[name][1]])
def test_smallest_input_gives_finite_logits_that_repeat(name):
    network = lively_network(name, 10)
    x = torch.randn(1, *NETWORKS[name][1])
    with torch.inference_mode():
        logits = network(x)
        assert logits.shape == (1, 10)
        assert logits.isfinite().all()
        assert logits.std() > 0.01
        assert torch.equal(logits, network(x))


def test_c3d_reduces_a_small_clip_to_one_position():
    """Its linear layers take 16 frames of 112 x 112 only; the convolutions run on less."""
    features = on_meta("c3d").features.to_empty(device="cpu")
    for parameter in features.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    with torch.inference_mode():
        out = features(torch.randn(1, 3, 16, 16, 16))
    assert out.shape == (1, 512, 1, 1, 1)
    assert out.isfinite().all()
    assert out.std() > 0.01


@pytest.mark.parametrize("name", ["lenet-5", "lenet-20-50-500", "mnist-cnn"])
def test_overfits_eight_images(name):
    torch.manual_seed(0)
    x = torch.randn(8, *NETWORKS[name][0])
    labels = torch.arange(8) % 4
    network = models.build(name, 4)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(network(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.inference_mode():
        assert (network.eval()(x).argmax(1) == labels).all()


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", AXES)
class TestNetworksOverAnyAxes:
    def test_takes_its_smallest_input_and_more(self, name, ndim):
        network = on_meta(name, 5, {"ndim": ndim, "in_channels": 2})
        for length in (AXES[name], AXES[name] + 9):
            assert network(torch.zeros(3, 2, *(length,) * ndim, device="meta")).shape == (3, 5)

    def test_weights_grow_with_the_filters_only(self, name, ndim):
        """The count from the layers: each has filters of kernel ** ndim weights for each input channel."""

        def conv(channels_in, channels_out, kernel, bias=1):
            return channels_out * (channels_in * kernel**ndim + bias)

        def basic(channels_in, channels_out):
            shortcut = 0 if channels_in == channels_out else conv(channels_in, channels_out, 1, 2)
            return conv(channels_in, channels_out, 3, 2) + 3 * conv(channels_out, channels_out, 3, 2) + shortcut

        linear_layers = (256 * 6**ndim + 1) * 4096 + 4097 * 4096 + 4097 * 10
        expected = {
            "lenet-5": conv(1, 6, 5) + conv(6, 16, 5) + conv(16, 120, 5) + 121 * 84 + 85 * 10,
            "lenet-20-50-500": conv(1, 20, 5) + conv(20, 50, 5) + conv(50, 500, 4) + 501 * 10,
            "alexnet": conv(1, 64, 11) + conv(64, 192, 5) + conv(192, 384, 3) + conv(384, 256, 3) + conv(256, 256, 3)
            + linear_layers,
            "alexnet-2012": conv(1, 96, 11) + conv(48, 256, 5) + conv(256, 384, 3) + conv(192, 384, 3)
            + conv(192, 256, 3) + linear_layers,
            "resnet-18": conv(1, 64, 7, 2) + basic(64, 64) + basic(64, 128) + basic(128, 256) + basic(256, 512)
            + 513 * 10,
            "small-resnet": conv(1, 24, 5, 2) + basic(24, 24) + basic(24, 48) + conv(48, 96, 3, 2) + conv(96, 96, 3, 2)
            + conv(48, 96, 1, 2) + 193 * 10,
        }  # fmt: skip
        assert count(on_meta(name, 10, {"ndim": ndim, "in_channels": 1})) == expected[name]


class TestLayerTables:
    def test_lenet_5(self):
        assert trace(on_meta("lenet-5"), (1, 32, 32))[:5] == [(28, 28), (14, 14), (10, 10), (5, 5), (1, 1)]
        assert trace(on_meta("lenet-5", arguments={"padding": 2}), (1, 28, 28))[:2] == [(28, 28), (14, 14)]

    def test_lenet_20_50_500(self):
        assert trace(on_meta("lenet-20-50-500"), (1, 28, 28))[:5] == [(24, 24), (12, 12), (8, 8), (4, 4), (1, 1)]

    def test_mnist_cnn(self):
        assert trace(on_meta("mnist-cnn"), (1, 28, 28)) == [(26, 26), (13, 13), (11, 11), (5, 5)]

    @pytest.mark.parametrize("name", ["alexnet", "alexnet-2012"])
    def test_alexnet(self, name):
        sizes = dict.fromkeys(side for side, _ in trace(on_meta(name), (3, 224, 224)))
        assert list(sizes) == [55, 27, 13, 6]

    def test_c3d(self):
        network = on_meta("c3d")
        sizes = dict.fromkeys(trace(network, (3, 16, 112, 112)))
        assert list(sizes) == [
            (16, 112, 112), (16, 56, 56), (8, 28, 28), (4, 14, 14), (2, 7, 7), (1, 4, 4)
        ]  # fmt: skip
        assert count(network.features) == 27_655_936

    @pytest.mark.parametrize("name", ["r3d-18", "r2plus1d-18"])
    def test_video_resnets(self, name):
        sizes = dict.fromkeys(trace(on_meta(name), (3, 16, 112, 112)))
        assert list(sizes) == [(16, 56, 56), (8, 28, 28), (4, 14, 14), (2, 7, 7)]

    def test_resnet_18(self):
        sizes = dict.fromkeys(side for side, _ in trace(on_meta("resnet-18"), (3, 224, 224)))
        assert list(sizes) == [56, 28, 14, 7]

    def test_small_resnet(self):
        sides = [side for side, _ in trace(on_meta("small-resnet"), (1, 28, 28))]
        assert sides == [28, 14, 14, 14, 7, 7, 4]


class TestArgumentsOfResNet18:
    def test_a_small_stem_keeps_half_of_each_axis(self):
        network = on_meta("resnet-18", arguments={"ndim": 3, "in_channels": 1, "width": 16, "stem": "small"})
        sides = [side for side, _, _ in trace(network, (1, 28, 28, 28))]
        assert sides == [14, 14, 14, 7, 7, 4, 4, 2, 2]
        assert [block.branch[0].conv.out_channels for block in network.features[1::2]] == [16, 32, 64, 128]

    def test_an_unknown_stem_is_refused(self):
        with pytest.raises(ConfigError, match="stem must be 'large' or 'small', got 'tiny'"):
            on_meta("resnet-18", arguments={"stem": "tiny"})


class TestArgumentsOfTheSmallResNet:
    def test_stem_and_stages(self):
        arguments = {"ndim": 3, "width": 4, "blocks": [1, 2], "stem_kernel_size": [3, 5, 5], "stem_stride": [1, 2, 2]}
        network = on_meta("small-resnet", arguments=arguments | {"stem_pool": False})
        assert trace(network, (1, 9, 28, 28)) == [(9, 14, 14), (9, 14, 14), (5, 7, 7), (5, 7, 7)]
        assert network.features[0].conv.weight.shape == (4, 1, 3, 5, 5)
        assert network.head.in_features == 2 * 8

    def test_dropout_takes_features_away_in_training_alone(self):
        network = lively_network("small-resnet", 10, {"dropout": 1.0})
        image = torch.randn(4, 1, 28, 28)
        with torch.inference_mode():
            assert network(image).std(0).max() > 0.1
            torch.testing.assert_close(network.train()(image), network.head.bias.expand(4, 10))

    def test_motion_is_blind_to_a_still_background(self):
        network = lively_network("small-resnet", 10, {"ndim": 3, "motion": True})
        video, background = torch.randn(2, 1, 6, 12, 12), torch.randn(2, 1, 1, 12, 12)
        with torch.inference_mode():
            torch.testing.assert_close(network(video + background), network(video))
            assert (network(video.flip(2)) - network(video)).abs().max() > 0.1

    @pytest.mark.parametrize("blocks", [(), (2, 0)])
    def test_a_stage_without_blocks_is_refused(self, blocks):
        with pytest.raises(ConfigError, match=r"blocks must name at least 1 block .*, got \("):
            on_meta("small-resnet", arguments={"blocks": blocks})


def test_response_norm_divides_by_its_neighbours_as_the_paper_writes_it():
    norm = on_meta("alexnet-2012").features[1]
    x = torch.rand(1, 9, 2, 2) * 50
    expected = torch.stack(
        [
            x[:, i] / (2 + 1e-4 * x[:, max(0, i - 2) : i + 3].square().sum(1)) ** 0.75
            for i in range(9)
        ],
        dim=1,
    )  # fmt: skip
    torch.testing.assert_close(norm(x), expected)


def test_lenet_averages_the_features_of_a_larger_image():
    network = lively_network("lenet-5", 10)
    image = torch.randn(1, 1, 36, 32)
    with torch.inference_mode():
        features = torch.stack([network.features[:5](image[:, :, top : top + 32]) for top in (0, 4)]).mean(0)
        expected = network.head(network.features[5:](features))
        torch.testing.assert_close(network(image), expected)


@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_p4_cnn_answers_alike_after_turns(group):
    network = lively_network("p4-cnn", 10, {"group": group})
    image = torch.randn(2, 1, 30, 34)
    with torch.inference_mode():
        logits = network(image)
        for g in elements("p4m"):
            change = (network(turned(image, g)) - logits).abs().max()
            assert change < 1e-5 if g in elements(group) else change > 1e-3, g


@pytest.mark.parametrize(("name", "convolutions"), [("resnet-18", 2), ("r3d-18", 2), ("r2plus1d-18", 4)])
def test_residual_blocks_have_no_activation_before_the_sum(name, convolutions):
    for block in on_meta(name).features[-2:]:
        acts = [type(layer.act).__name__ for layer in block.branch]
        assert acts == ["ReLU"] * (convolutions - 1) + ["Identity"]
    assert isinstance(on_meta(name).features[-2].shortcut.act, torch.nn.Identity)
