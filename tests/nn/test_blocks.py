"""Blocks over 1, 2 and 3 axes: against the definition of cross-correlation, and each other."""

import itertools

import pytest
import torch
from torch import nn

from audiocnn.errors import ConfigError
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, LinearNormAct, PadShort, Pool, SqueezeExcite
from audiocnn.nn.ndim import per_axis


def by_definition(x, weight, bias, stride, dilation, before, after):
    """Cross-correlation over any number of axes: at each output position, the patch times the filter."""
    ndim = x.ndim - 2
    pads = [zeros for axis in reversed(range(ndim)) for zeros in (before[axis], after[axis])]
    x = nn.functional.pad(x, pads)
    kernel = weight.shape[2:]
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    sizes = [(n - e) // s + 1 for n, e, s in zip(x.shape[2:], extents, stride, strict=True)]
    out = x.new_empty((x.shape[0], weight.shape[0], *sizes))
    for position in itertools.product(*map(range, sizes)):
        cut = tuple(slice(p * s, p * s + e, d) for p, s, e, d in zip(position, stride, extents, dilation, strict=True))
        out[(..., *position)] = torch.einsum("nc...,oc...->no", x[(..., *cut)], weight) + bias
    return out


@pytest.mark.parametrize("ndim", [1, 2, 3])
class TestEveryNumberOfAxes:
    LENGTHS = (11, 8, 7)
    KERNELS = (4, 3, 2)
    STRIDES = (3, 1, 2)
    DILATIONS = (1, 2, 3)

    @pytest.mark.parametrize("padding", ["valid", "same", 2, "per axis"])
    def test_is_cross_correlation_as_defined(self, ndim, padding):
        torch.manual_seed(ndim)
        kernel, stride, dilation = self.KERNELS[:ndim], self.STRIDES[:ndim], self.DILATIONS[:ndim]
        before = after = (0,) * ndim
        if padding == "same":
            totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
            after = tuple(total // 2 for total in totals)
            before = tuple(total - half for total, half in zip(totals, after, strict=True))
        elif padding == 2:
            before = after = (2,) * ndim
        elif padding == "per axis":
            padding = before = after = (0, 1, 2)[:ndim]
        block = ConvNormAct(
            ndim,
            3,
            5,
            kernel,
            stride=stride,
            dilation=dilation,
            padding=padding,
            bias=True,
            norm=False,
            activation=None,
        )
        x = torch.randn(2, 3, *self.LENGTHS[:ndim])
        with torch.no_grad():
            expected = by_definition(x, block.conv.weight, block.conv.bias, stride, dilation, before, after)
            torch.testing.assert_close(block(x), expected)

    def test_equals_the_1d_block_when_the_other_axes_have_length_1(self, ndim):
        torch.manual_seed(0)
        ones = (1,) * (ndim - 1)
        line = ConvNormAct(1, 2, 4, 6, stride=2, padding="same").eval()
        block = ConvNormAct(ndim, 2, 4, (*ones, 6), stride=(*ones, 2), padding="same").eval()
        assert list(block.state_dict()) == list(line.state_dict())
        block.load_state_dict({k: v.reshape(block.state_dict()[k].shape) for k, v in line.state_dict().items()})
        x = torch.randn(3, 2, 17)
        with torch.no_grad():
            torch.testing.assert_close(block(x.reshape(3, 2, *ones, 17)).flatten(2), line(x))

    @pytest.mark.parametrize("kernel", [1, 2, 5, 80])
    @pytest.mark.parametrize("stride", [1, 2, 3])
    def test_same_padding_divides_the_length_by_the_stride_and_rounds_up(self, ndim, kernel, stride):
        block = ConvNormAct(ndim, 1, 1, (1,) * (ndim - 1) + (kernel,), stride=(1,) * (ndim - 1) + (stride,))
        for length in (1, 2, 7, 160):
            x = torch.zeros(2, 1, *(1,) * (ndim - 1), length)
            assert block(x).shape[-1] == -(-length // stride)

    def test_moves_its_answer_with_the_input(self, ndim):
        torch.manual_seed(0)
        block = ConvNormAct(ndim, 1, 3, 3).eval()
        x = torch.zeros(1, 1, *(9,) * ndim)
        x[(0, 0, *(slice(3, 5),) * ndim)] = torch.randn((2,) * ndim)
        axes = tuple(range(2, 2 + ndim))
        with torch.no_grad():
            torch.testing.assert_close(
                block(x.roll((1,) * ndim, axes))[(..., *(slice(2, 8),) * ndim)],
                block(x).roll((1,) * ndim, axes)[(..., *(slice(2, 8),) * ndim)],
            )

    def test_norm_then_activation_follow_the_convolution(self, ndim):
        torch.manual_seed(0)
        x = torch.randn(4, 1, *(6,) * ndim)
        bare = ConvNormAct(ndim, 1, 2, 3, activation=None)
        full = ConvNormAct(ndim, 1, 2, 3)
        full.load_state_dict(bare.state_dict())
        out = bare(x)
        axes = (0, *range(2, 2 + ndim))
        torch.testing.assert_close(out.mean(axes), torch.zeros(2), atol=1e-5, rtol=0)
        torch.testing.assert_close(out.var(axes, correction=0), torch.ones(2), atol=1e-2, rtol=0)
        torch.testing.assert_close(full(x), out.relu())

    def test_has_a_bias_only_when_asked(self, ndim):
        assert ConvNormAct(ndim, 1, 2, 3).conv.bias is None
        assert ConvNormAct(ndim, 1, 2, 3, bias=True).conv.bias is not None

    @pytest.mark.parametrize("kind", ["max", "avg"])
    def test_pools_reduce_each_window(self, ndim, kind):
        x = torch.arange(float(5**ndim)).reshape(1, 1, *(5,) * ndim)
        reduce = torch.amax if kind == "max" else torch.mean
        floor, ceil = Pool(ndim, kind, 2)(x), Pool(ndim, kind, 2, ceil_mode=True)(x)
        assert floor.shape == (1, 1, *(2,) * ndim)
        assert ceil.shape == (1, 1, *(3,) * ndim)
        for position in itertools.product(range(3), repeat=ndim):
            window = x[(0, 0, *(slice(2 * p, 2 * p + 2) for p in position))]
            assert ceil[(0, 0, *position)] == reduce(window.flatten(), 0)
        assert torch.equal(floor, ceil[(..., *(slice(2),) * ndim)])

    def test_global_pools(self, ndim):
        x = torch.randn(2, 3, *(4,) * ndim)
        mean, largest = x.flatten(2).mean(2), x.flatten(2).max(2).values
        torch.testing.assert_close(GlobalPool(ndim, "mean")(x), mean)
        torch.testing.assert_close(GlobalPool(ndim, "max")(x), largest)
        torch.testing.assert_close(GlobalPool(ndim, "mean_plus_max")(x), mean + largest)
        torch.testing.assert_close(GlobalPool(ndim, "mean_max")(x), torch.cat([mean, largest], 1))

    def test_padded_pools(self, ndim):
        x = -1 - torch.arange(3.0).reshape(1, 1, *(1,) * (ndim - 1), 3)  # -1, -2, -3 along the last axis
        last = (1,) * (ndim - 1) + (3,)
        padding = (0,) * (ndim - 1) + (1,)
        assert Pool(ndim, "max", last, padding=padding)(x).flatten().tolist() == [-1]
        assert Pool(ndim, "max", last, stride=1, padding=padding)(x).flatten().tolist() == [-1, -1, -2]
        torch.testing.assert_close(
            Pool(ndim, "avg", last, stride=1, padding=padding)(x).flatten(), torch.tensor([-1, -2, -5 / 3])
        )
        with pytest.raises(ConfigError, match=r"^padding of a pool must be at most half its window 3, got 2$"):
            Pool(ndim, "max", 3, padding=2)

    @pytest.mark.parametrize(("ratio", "hidden"), [(1 / 8, 2), (0.25, 4), (0.1, 1), (16, 256)])
    def test_squeeze_excite_scales_each_channel_by_its_gate(self, ndim, ratio, hidden):
        torch.manual_seed(0)
        gate = SqueezeExcite(ndim, 16, ratio)
        assert gate.squeeze.out_features == hidden
        x = torch.randn(2, 16, *(4,) * ndim)
        squeezed = torch.relu(x.flatten(2).mean(2) @ gate.squeeze.weight.T + gate.squeeze.bias)
        scale = torch.sigmoid(squeezed @ gate.excite.weight.T + gate.excite.bias)
        torch.testing.assert_close(gate(x).flatten(2), x.flatten(2) * scale[:, :, None])
        assert 0 < scale.min() < scale.max() < 1

    def test_refuses_input_without_batch_or_of_other_axes(self, ndim):
        block = ConvNormAct(ndim, 4, 1, 1)
        shown = {1: "samples", 2: "height, width", 3: "depth, height, width"}[ndim]
        good = (2, 4, *(5,) * ndim)
        block(torch.zeros(good))
        for shape, remedy in (
            (good[1:], "add the batch and channel axes with x[None, None]"),
            ((*good, 5), "leave 1 of its axes out"),
            ((2, 3, *good[2:]), "mix the channels to 4, or build the network for 3"),
            (
                (*good[:-1], 0),
                "each axis needs 1 or more positions: send a larger input, or enlarge or pad this one",
            ),
        ):
            with pytest.raises(ConfigError) as caught:
                block(torch.zeros(shape))
            assert str(caught.value) == (
                f"ConvNormAct expects input of shape (batch, 4, {shown}), got {shape}; {remedy}"
            )

    @pytest.mark.parametrize("argument", ["kernel_size", "stride", "dilation", "padding"])
    @pytest.mark.parametrize("bad", [(3,) * 4, (), -1, 2.0, None, True, (1, "2", 3)])
    def test_refuses_illegal_sizes(self, ndim, argument, bad):
        least = 0 if argument == "padding" else 1
        wanted = "an int" if ndim == 1 else f"an int or {ndim} ints"
        with pytest.raises(ConfigError) as caught:
            ConvNormAct(ndim, 1, 1, **{"kernel_size": 3, argument: bad})
        assert str(caught.value) == f"{argument} must be {wanted} of at least {least}, got {bad!r}"

    @pytest.mark.parametrize("argument", ["kernel_size", "stride"])
    def test_pools_refuse_illegal_sizes(self, ndim, argument):
        with pytest.raises(ConfigError, match=rf"^{argument} must be an int.* of at least 1, got 0$"):
            Pool(ndim, "max", **{"kernel_size": 2, argument: 0})

    def test_refuses_unknown_words(self, ndim):
        with pytest.raises(ConfigError, match=r"^padding must be 'same', 'valid' or a number .*, got 'full'$"):
            ConvNormAct(ndim, 1, 1, 3, padding="full")
        with pytest.raises(ConfigError, match=r"^kind of pooling must be 'max' or 'avg', got 'min'$"):
            Pool(ndim, "min", 2)
        with pytest.raises(ConfigError, match=r"^kind of global pooling must be 'mean', .*, got 'sum'$"):
            GlobalPool(ndim, "sum")
        with pytest.raises(ConfigError, match=r"^squeeze-excite with ratio 0\.125 leaves 4 channels no hidden unit; "):
            SqueezeExcite(ndim, 4)


def test_short_inputs_get_zeros_behind_them():
    x = torch.arange(1.0, 13).reshape(2, 1, 2, 3)
    assert PadShort(5)(x).tolist() == nn.functional.pad(x, (0, 2)).tolist()
    for length in (1, 3):
        assert torch.equal(PadShort(length)(x), x)


def test_linear_then_norm_then_activation():
    torch.manual_seed(0)
    block = LinearNormAct(3, 2)
    x = torch.randn(50, 3)
    sums = x @ block.linear.weight.T + block.linear.bias
    expected = torch.relu((sums - sums.mean(0)) / (sums.var(0, unbiased=False) + 1e-5).sqrt())
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("ndim", [0, 4, -1, 1.0, True, "1", None])
def test_refuses_other_numbers_of_axes(ndim):
    for make in (
        lambda: ConvNormAct(ndim, 1, 1, 3),
        lambda: Pool(ndim, "max", 2),
        lambda: GlobalPool(ndim, "mean"),
        lambda: SqueezeExcite(ndim, 16),
    ):
        with pytest.raises(ConfigError) as caught:
            make()
        assert str(caught.value) == f"ndim must be 1 (sound), 2 (images) or 3 (video, volumes), got {ndim!r}"


def test_per_axis_takes_the_lists_of_a_json_file():
    assert per_axis([1, 2], 2, "stride") == per_axis((1, 2), 2, "stride") == (1, 2)
