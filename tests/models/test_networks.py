"""What every registered network over one axis must do."""

import itertools
import math

import pytest
import torch
from torch import nn

from audiocnn import models
from audiocnn.errors import ConfigError, UnknownModelError
from audiocnn.nn.filterbank import gabor_filters
from tests.conftest import SLIM, lively_network

# For 10 classes, as published (Dai et al. 2016 with biases); the two networks of our own by hand in these tests.
PARAMETERS = {
    "m3": 221_194,
    "m5": 559_114,
    "m11": 1_786_442,
    "m18": 3_683_786,
    "m34-res": 3_984_154,
    "filterbank-resnet": 883_490,
    "sample-cnn": 1_849_354,
    "sample-cnn-multi": 2_642_442,
    "sample-cnn-se": 2_023_978,
    "sample-cnn-se-multi": 2_817_066,
    "sample-cnn-res": 4_086_794,
    "sample-cnn-res-multi": 4_879_882,
    "sample-cnn-rese": 4_261_418,
    "sample-cnn-rese-multi": 5_054_506,
    "leenet11": 483_146,
    "res1dnet31": 79_405_130,
    "acdnet": 4_712_378,
    "envnet-v2": 101_087_306,
    "silence-detector": 12_106,
    "tempogram-cnn": 16_930,
    "wave-picture": 95_162,
    "wave-pyramid": 1_777_226,
}


def test_every_network_has_its_count_here():
    assert models.names(ndim=1) == sorted(PARAMETERS)


def test_count_of_the_filterbank_resnet_by_hand():
    def conv(channels_in, channels_out, kernel):
        return channels_in * channels_out * kernel + 2 * channels_out

    def gate(channels):
        squeezed = channels // 8
        return channels * squeezed + squeezed + squeezed * channels + channels

    def residual(channels_in, channels_out):
        shortcut = 0 if channels_in == channels_out else conv(channels_in, channels_out, 1)
        return conv(channels_in, channels_out, 3) + conv(channels_out, channels_out, 3) + gate(channels_out) + shortcut

    front = 64 * 256 + 2 * 64 + conv(64, 128, 3)
    body = residual(128, 128) * 2 + residual(128, 192) + residual(192, 256)
    assert front + body + (512 * 10 + 10) == PARAMETERS["filterbank-resnet"]


@pytest.mark.parametrize("name", PARAMETERS)
class TestEveryNetwork:
    def test_parameter_count(self, name):
        with torch.device("meta"):
            network = models.build(name, 10)
        assert sum(p.numel() for p in network.parameters()) == PARAMETERS[name]

    def test_any_length_gives_finite_logits(self, name):
        network = lively_network(name, 10, SLIM.get(name))
        lengths = [1, 2, 3, 5, 16, 17, 80, 81, 161, 1025, 40_000]
        with torch.inference_mode():
            for length in lengths:
                logits = network(torch.randn(1, 1, length))
                assert logits.shape == (1, 10)
                assert logits.isfinite().all(), f"length {length}"

    def test_row_of_a_batch_equals_a_batch_of_one_and_calls_repeat(self, name):
        network = lively_network(name, 10, SLIM.get(name))
        x = torch.randn(3, 1, 4000)
        with torch.inference_mode():
            batch, again = network(x), network(x)
            alone = torch.cat([network(row[None]) for row in x])
        assert torch.equal(batch, again)
        torch.testing.assert_close(alone, batch, atol=1e-5, rtol=1e-4)
        assert batch.std(0).min() > 0

    def test_gradients_reach_every_parameter(self, name):
        network = lively_network(name, 10, SLIM.get(name)).train()
        network(torch.randn(4, 1, 8000)).square().sum().backward()
        # A bias in front of a batch norm is taken out again by the norm: its gradient is rounding.
        for path, parameter in network.named_parameters():
            assert parameter.grad is not None, path
            assert parameter.grad.abs().max() > 0, path

    def test_state_dict_round_trip(self, name):
        network, other = lively_network(name, 10, SLIM.get(name)), models.build(name, 10, SLIM.get(name)).eval()
        other.load_state_dict(network.state_dict())
        x = torch.randn(2, 1, 3000)
        with torch.inference_mode():
            assert torch.equal(other(x), network(x))

    def test_refuses_input_without_batch_or_in_stereo(self, name):
        network = models.build(name, 10, SLIM.get(name))
        for shape in [(1, 8000), (8000,), (2, 2, 8000), (2, 1, 0)]:
            with pytest.raises(ConfigError, match=r"expects input of shape \(batch, 1, samples\), got"):
                network(torch.zeros(shape))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("m5", {}),
        ("filterbank-resnet", {"num_filters": 16, "filter_length": 64, "width": 16}),
        ("wave-pyramid", {"num_filters": 16, "filter_length": 64, "width": 16}),
    ],
)
def test_overfits_eight_clips(name, arguments):
    torch.manual_seed(0)
    x = torch.randn(8, 1, 1200)
    labels = torch.arange(8) % 4
    network = models.build(name, 4, arguments)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(40):
        loss = nn.functional.cross_entropy(network(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.05
    network.eval()
    with torch.inference_mode():
        assert (network(x).argmax(1) == labels).all()


def test_m_networks_reduce_the_length_by_1024():
    for name in ("m5", "m11", "m18", "m34-res"):
        network = models.build(name, 10).eval()
        with torch.inference_mode():
            assert network.features(torch.zeros(1, 1, 32_768)).shape[-1] == 32, name
    with torch.inference_mode():
        assert models.build("m3", 10).eval().features(torch.zeros(1, 1, 32_768)).shape[-1] == 32_768 // 64


def test_m34_shortcut_repeats_channels():
    """With a branch of zeros a block is the norm and ReLU of its input, channels repeated where it widens."""
    network = models.build("m34-res", 10).eval()
    widening = network.features[2 + 3 + 1]
    for conv in (widening.conv1, widening.conv2):
        nn.init.zeros_(conv.conv.weight)
        nn.init.zeros_(conv.conv.bias)
    x = torch.rand(1, 48, 20)
    with torch.inference_mode():
        torch.testing.assert_close(widening(x), torch.cat([x, x], 1), atol=1e-4, rtol=1e-4)


class TestFilterbank:
    @pytest.mark.parametrize("sample_rate", [8000, 16_000, 44_100])
    def test_first_filters_are_bands_of_rising_frequency_and_unit_energy(self, sample_rate):
        filters = gabor_filters(sample_rate, 32, 512)[:, 0]
        torch.testing.assert_close(filters.norm(dim=1), torch.ones(32))
        peaks_hz = torch.fft.rfft(filters, 8192).abs().argmax(1) * sample_rate / 8192
        lowest, highest = (2595 * math.log10(1 + hz / 700) for hz in (40, 0.95 * sample_rate / 2))
        centres_hz = [700 * (10 ** ((lowest + i * (highest - lowest) / 31) / 2595) - 1) for i in range(32)]
        # The outermost ones are wide enough to meet their own mirror images.
        assert peaks_hz[6:28].tolist() == pytest.approx(centres_hz[6:28], rel=0.03)

    def test_odd_width_is_refused(self):
        with pytest.raises(ConfigError, match=r": width must be even, got 9: "):
            models.build("filterbank-resnet", 4, {"width": 9})

    def test_a_new_residual_branch_adds_nothing(self):
        network = models.build("filterbank-resnet", 4)
        gains = [m.conv2.norm.weight for m in network.features if hasattr(m, "conv2")]
        assert len(gains) == 4
        assert all(not gain.any() for gain in gains)


class TestRegistry:
    def test_unknown_names_list_the_known_ones(self):
        with pytest.raises(UnknownModelError, match=r"^unknown architecture 'm7'; known: .*m11, m18, m3, m34-res, m5"):
            models.build("m7", 10)

    def test_knows_the_input_of_each_network(self):
        entry = models.architecture("m5")
        assert (entry.ndim, entry.in_channels, entry.any_ndim) == (1, 1, False)
        assert sorted(name for ndim in (1, 2, 3) for name in models.names(ndim)) == models.names()
        with pytest.raises(UnknownModelError, match=r"^unknown architecture 'm7'; known: "):
            models.architecture("m7")

    def test_a_name_can_be_taken_once(self):
        with pytest.raises(ConfigError, match=r"^architecture 'm5' is registered twice; choose another name$"):
            models.register("m5")(nn.Identity)
        assert models.build("m5", 10)


def test_lively_networks_answer_differently_to_different_sounds():
    """The other tests compare logits: they must not be constants."""
    for name, seed in itertools.product(("m3", "filterbank-resnet"), (0, 1)):
        torch.manual_seed(seed)
        with torch.inference_mode():
            logits = lively_network(name, 4)(
                torch.randn(2, 1, 4000).cumsum(-1) * torch.tensor([0.01, 1])[:, None, None]
            )
        assert (logits[0] - logits[1]).abs().max() > 0.01
