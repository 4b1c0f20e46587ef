"""Sound as a signal over one axis (M. Cochez, Deep Learning lecture 3): numbers and claims, computed by our modules.

The slide on silence gives the nine responses of a filter and neither the amplitudes nor the filter, so the responses
themselves are where the tests begin.
"""

import numpy as np
import pytest
import torch
from torch import nn

from audiocnn.media import open_media
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool
from audiocnn.nn.cost import layer_costs
from audiocnn.nn.filters import convolution
from audiocnn.nn.shapes import Span, output_length, same_padding
from audiocnn.nn.transposed import ConvTransposeNormAct
from audiocnn.spec import AudioSpec
from tests.audio_files import music, wav_bytes

RESPONSES = [2.9, 1.2, 1.6, 2.3, 2.9, 2.4, 1.5, 0.2, -0.6]
VOLUME = [(1.2, 0.1), (1.6, -0.6), (2.3, -0.6), (2.9, -0.1), (2.4, 0.6), (1.5, 0.9), (0.2, 0.7), (-0.6, 0.5)]
AXES = [1, 2, 3]


def signal(numbers):
    return torch.tensor(numbers, dtype=torch.float32)[None, None]


def patches(x, kernel_size):
    """Every patch of `x` as a row: `(positions, channels * kernel_size ** ndim)`."""
    ndim = x.ndim - 2
    for axis in range(2, 2 + ndim):
        x = x.unfold(axis, kernel_size, 1)
    order = (0, *range(2, 2 + ndim), 1, *range(2 + ndim, 2 + 2 * ndim))
    return x.permute(order).reshape(-1, x.shape[1] * kernel_size**ndim)


class TestAmplitude:
    def test_one_second_at_44_khz_is_44_000_features(self):
        spec = AudioSpec(sample_rate=44_000, window=44_000, hop=44_000)
        with open_media(wav_bytes(music(1, 44_000), 44_000), spec) as sound:
            (window,) = sound.windows()
        assert window.values.shape == spec.shape == (1, 44_000)

    @pytest.mark.parametrize("normalisation", ["peak", "rms", "standardise"])
    def test_only_the_normalised_amplitude_is_used(self, normalisation):
        """A quieter copy gives the same input, which is the recording times one number and nothing else."""
        sound = music(1, 44_000) - music(1, 44_000).mean()
        spec = AudioSpec(44_000, 44_000, 44_000, normalisation)
        inputs = []
        for gain in (1, 0.1):
            with open_media(wav_bytes(gain * sound, 44_000, "FLOAT"), spec) as opened:
                inputs += [window.values for window in opened.windows()]
        np.testing.assert_allclose(inputs[1], inputs[0], atol=1e-5)
        assert np.corrcoef(inputs[0][0], sound[0])[0, 1] == pytest.approx(1, abs=1e-6)


class TestSilence:
    def test_sigmoid_of_a_response_passes_one_half_where_the_response_passes_zero(self):
        scores = ConvNormAct(1, 1, 1, 1, norm=False, activation=nn.Sigmoid)
        scores.conv.load_state_dict({"weight": torch.ones(1, 1, 1)})
        curve = scores(signal(RESPONSES))[0, 0]
        expected = [0.948, 0.769, 0.832, 0.909, 0.948, 0.917, 0.818, 0.550, 0.354]
        assert curve.tolist() == pytest.approx(expected, abs=5e-4)
        assert (curve > 0.5).tolist() == [True] * 8 + [False]

    def test_the_responses_are_the_first_channel_of_the_volume_on_the_next_slide(self):
        """So its eight rows are the second to the ninth position of two filters, side by side."""
        assert [row[0] for row in VOLUME] == RESPONSES[1:]

    def test_a_bias_moves_the_threshold(self):
        """With a bias of -2, the filter answers only where it answered above 2."""
        shifted = convolution([[[1]]], bias=[-2])(signal(RESPONSES))
        assert (shifted[0, 0].sigmoid() > 0.5).tolist() == [r > 2 for r in RESPONSES]
        assert (shifted > 0).sum() == 4


class TestConvolution:
    """h(t) = sum over tau = -m..m of x(t - tau) k(tau)."""

    def test_the_definition_is_ours_with_the_filter_flipped(self):
        x, k = [3.0, 1, 4, 1, 5, 9, 2, 6], [2.0, 7, -1]
        h = np.convolve(x, k, mode="same").tolist()
        assert convolution(signal(k[::-1]), padding="same")(signal(x))[0, 0].tolist() == h
        assert convolution(signal(k), padding="same")(signal(x))[0, 0].tolist() != h

    def test_a_symmetric_filter_does_not_care(self):
        x, k = [3.0, 1, 4, 1, 5], [1.0, 2, 1]
        assert convolution(signal(k))(signal(x))[0, 0].tolist() == np.convolve(x, k, mode="valid").tolist()

    @pytest.mark.parametrize("m", [0, 1, 2, 10])
    def test_a_filter_of_2m_plus_1_keeps_the_length_with_m_zeros_on_each_side(self, m):
        assert same_padding(2 * m + 1) == (m, m)
        filters = torch.ones(1, 1, 2 * m + 1)
        assert convolution(filters, padding=m)(torch.ones(1, 1, 30)).shape == (1, 1, 30)

    def test_zeros_outside_are_seen_at_the_ends(self):
        assert convolution(torch.ones(1, 1, 5), padding=2)(torch.ones(1, 1, 8)).tolist() == [[[3, 4, 5, 5, 5, 5, 4, 3]]]


@pytest.mark.parametrize("ndim", AXES)
class TestGradient:
    SIZE, KERNEL = 6, 3

    def layer_and_gradients(self, ndim):
        """A convolution, its input, output, and the gradients of some loss by output and by weights."""
        torch.manual_seed(ndim)
        layer = ConvNormAct(ndim, 2, 4, self.KERNEL, padding="valid", norm=False, activation=None)
        x = torch.randn(1, 2, *(self.SIZE,) * ndim, requires_grad=True)
        y = layer(x)
        by_output = torch.randn_like(y)
        by_weight, by_input = torch.autograd.grad(y, [layer.conv.weight, x], by_output)
        return layer, x.detach(), y.detach(), by_output, by_weight, by_input

    def test_every_position_updates_the_same_weight(self, ndim):
        """dL/dk(i) is the sum over all positions t of dL/dy(t) times the input that the weight met there, x(t + i)."""
        _, x, y, by_output, by_weight, _ = self.layer_and_gradients(ndim)
        for offset in np.ndindex(*(self.KERNEL,) * ndim):
            met = x[(0, slice(None), *(slice(i, i + n) for i, n in zip(offset, y.shape[2:], strict=True)))]
            total = torch.einsum("ox,ix->oi", by_output[0].flatten(1), met.flatten(1))
            torch.testing.assert_close(by_weight[(..., *offset)], total)

    def test_forward_is_patches_times_kernel(self, ndim):
        layer, x, y, *_ = self.layer_and_gradients(ndim)
        product = patches(x, self.KERNEL) @ layer.conv.weight.detach().flatten(1).T
        torch.testing.assert_close(y[0].flatten(1).T, product)

    def test_backward_is_patches_times_the_gradient_of_the_output(self, ndim):
        _, x, _, by_output, by_weight, _ = self.layer_and_gradients(ndim)
        product = by_output[0].flatten(1) @ patches(x, self.KERNEL)
        torch.testing.assert_close(by_weight.flatten(1), product)

    def test_the_gradient_of_the_input_is_a_convolution_with_the_same_filters_flipped(self, ndim):
        layer, _, _, by_output, _, by_input = self.layer_and_gradients(ndim)
        axes = tuple(range(2, 2 + ndim))
        backward = convolution(layer.conv.weight.detach().transpose(0, 1).flip(axes), padding=self.KERNEL - 1)
        torch.testing.assert_close(by_input, backward(by_output))


class TestEquivariance:
    def test_the_response_moves_with_the_input_and_stays_the_same(self):
        curve = convolution([[[1, 2, -1]]])
        click = [0, 0, 0, 5, 7, 0, 0, 0, 0, 0, 0]
        response = curve(signal(click))[0, 0].tolist()
        for shift in (1, 2, 3):
            moved = curve(signal([0] * shift + click[:-shift]))[0, 0].tolist()
            assert moved == [0] * shift + response[:-shift]

    def test_one_filter_works_at_every_position(self):
        """As many weights for a second of sound as for an hour."""
        for seconds in (1, 3600):
            (row,) = layer_costs(convolution(torch.ones(1, 1, 5)), (1, 44_000 * seconds))
            assert row.parameters == 5
            assert row.output_shape == (1, 44_000 * seconds - 4)


class TestVolume:
    def test_many_filters_give_a_matrix_of_positions_and_filters(self):
        layer = ConvNormAct(1, 1, 24, 5)
        assert layer(torch.randn(1, 1, 100))[0].T.shape == (100, 24)

    def test_the_next_filters_have_a_second_dimension_over_it(self):
        taps = [(1, -1), (-1, -1), (-1, -1), (1, 1)]
        out = convolution(torch.tensor(taps).T[None])(torch.tensor(VOLUME).T[None])
        assert out[0, 0].tolist() == pytest.approx([1.2, 0.7, -0.5, -1.5, -1.6], abs=1e-6)


class TestStride:
    def test_divides_the_length(self):
        layer = ConvNormAct(1, 1, 1, 5, stride=4)
        assert layer(torch.zeros(1, 1, 44_000)).shape[-1] == 11_000

    @pytest.mark.parametrize("remainder", [1, 2, 3])
    def test_a_remainder_gives_one_more_position(self, remainder):
        """The lecture asks for a multiple of the stride; nothing is lost without."""
        layer = ConvNormAct(1, 1, 1, 5, stride=4)
        assert layer(torch.zeros(1, 1, 44_000 + remainder)).shape[-1] == 11_001
        assert output_length(44_000 + remainder, Span(5, 4), sum(same_padding(5))) == 11_001

    def test_keeps_every_stride_th_answer(self):
        x, k = torch.randn(1, 1, 50), torch.randn(1, 1, 5)
        torch.testing.assert_close(convolution(k, stride=4)(x), convolution(k)(x)[..., ::4])


class TestPooling:
    @pytest.mark.parametrize(("kind", "expected"), [("max", [2.9, 2.9, 1.5]), ("avg", [1.9, 7.6 / 3, 1.1 / 3])])
    def test_of_the_silence_responses(self, kind, expected):
        """Nine responses in windows of three; the stride is the window."""
        assert Pool(1, kind, 3)(signal(RESPONSES))[0, 0].tolist() == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize("kind", ["max", "avg"])
    def test_has_no_weights(self, kind):
        (row,) = layer_costs(Pool(1, kind, 2), (24, 44_000))
        assert (row.parameters, row.output_shape) == (0, (24, 22_000))


def test_a_cleaned_version_is_a_signal_as_long_as_the_recording():
    """Denoising, signal to signal: what strided layers take away, transposed ones bring back."""
    torch.manual_seed(0)
    denoiser = nn.Sequential(
        ConvNormAct(1, 1, 8, 16, stride=4),
        ConvNormAct(1, 8, 16, 16, stride=4),
        ConvTransposeNormAct(1, 16, 8, 16, stride=4),
        ConvTransposeNormAct(1, 8, 1, 16, stride=4, norm=False, activation=None),
    )
    noisy = torch.randn(2, 1, 44_000)
    assert denoiser(noisy).shape == noisy.shape


class TestWhereIsWaldo:
    """The same small detector scanned over the whole input says where, not only whether."""

    LENGTH = 32

    def clips(self, count, seed):
        """Noise of 128 samples; every second one has a short rising tone somewhere in it."""
        random = np.random.default_rng(seed)
        waldo = np.sin(2 * np.pi * (0.05 + 0.25 * np.arange(self.LENGTH) / self.LENGTH) * np.arange(self.LENGTH))
        clips = 0.5 * random.standard_normal((count, 128))
        for clip in clips[::2]:
            start = random.integers(0, 128 - self.LENGTH)
            clip[start : start + self.LENGTH] += waldo
        return torch.tensor(clips[:, None], dtype=torch.float32), torch.arange(count) % 2 == 0, waldo

    def test_a_detector_trained_on_whether_tells_where(self):
        torch.manual_seed(0)
        clips, present, waldo = self.clips(256, seed=0)
        detector = ConvNormAct(1, 1, 1, self.LENGTH, padding="valid", norm=False, bias=True, activation=None)
        whether = nn.Sequential(detector, GlobalPool(1, "max"))
        optimiser = torch.optim.Adam(whether.parameters(), lr=0.02)
        for _ in range(150):
            loss = nn.functional.binary_cross_entropy_with_logits(whether(clips)[:, 0], present.float())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        unseen, is_there, _ = self.clips(200, seed=1)
        assert ((whether(unseen)[:, 0] > 0) == is_there).float().mean() > 0.95

        recording = 0.5 * np.random.default_rng(2).standard_normal(20_000)
        starts = [1_234, 9_000, 15_551]
        for start in starts:
            recording[start : start + self.LENGTH] += waldo
        with torch.no_grad():
            response = detector(signal(recording))[0, 0]
        offset = int(response[: 2 * starts[0]].argmax()) - starts[0]
        assert abs(offset) < self.LENGTH  # where in its filter the tone came to lie is for the training to choose
        assert sorted(response.topk(3).indices.tolist()) == [start + offset for start in starts]
