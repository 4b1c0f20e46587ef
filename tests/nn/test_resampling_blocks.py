"""Blocks that change the number of positions: anti-aliased pooling and transposed convolution; and 1x1, depthwise."""

import itertools

import pytest
import torch
from torch import nn

from audiocnn.errors import ConfigError
from audiocnn.nn.antialias import AntiAliasedPool
from audiocnn.nn.blocks import ConvNormAct, Pool, depthwise, pointwise
from audiocnn.nn.transposed import ConvTransposeNormAct

STRIDES = (2, 3, 1)


@pytest.mark.parametrize("ndim", [1, 2, 3])
class TestAntiAliasedPool:
    def test_filter_is_a_triangle_along_each_axis(self, ndim):
        pool = AntiAliasedPool(ndim, 2, STRIDES[:ndim])
        expected = torch.ones(())
        for taps in ([1 / 4, 2 / 4, 1 / 4], [1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9], [1.0])[:ndim]:
            expected = expected[..., None] * torch.tensor(taps)
        x = torch.zeros(1, 2, *(13,) * ndim)
        x[(0, 1, *(6,) * ndim)] = 1
        full = nn.functional.pad(x, (6, 6) * ndim)
        spread = getattr(nn.functional, f"conv{ndim}d")(
            full, expected[None, None].expand(2, 1, *expected.shape), groups=2
        )
        positions = tuple(slice(6 - (s - 1), 6 - (s - 1) + 13, s) for s in STRIDES[:ndim])
        torch.testing.assert_close(pool(x), spread[(..., *positions)])

    def test_keeps_a_constant_and_removes_what_the_stride_would_fold_onto_it(self, ndim):
        for stride in (2, 3, 4):
            pool = AntiAliasedPool(ndim, 1, stride)
            time = torch.arange(8.0 * stride)
            inside = (slice(None), slice(None), *(slice(2, -2),) * ndim)
            constant = pool(torch.ones(1, 1, *(8 * stride,) * ndim))[inside]
            torch.testing.assert_close(constant, torch.ones_like(constant))
            for fold in range(1, stride // 2 + 1):
                wave = torch.cos(2 * torch.pi * fold / stride * time).expand(1, 1, *(8 * stride,) * ndim)
                torch.testing.assert_close(pool(wave)[inside], torch.zeros_like(constant), atol=1e-5, rtol=0)
                assert wave[(..., *(slice(None, None, stride),) * ndim)].min() > 0.99

    @pytest.mark.parametrize("length", [1, 2, 5, 12])
    def test_divides_the_length_and_rounds_up(self, ndim, length):
        for stride in (1, 2, 4):
            shape = AntiAliasedPool(ndim, 3, stride)(torch.zeros(1, 3, *(length,) * ndim)).shape
            assert shape == (1, 3, *(-(-length // stride),) * ndim)

    def test_has_nothing_to_train_and_is_saved(self, ndim):
        pool = AntiAliasedPool(ndim, 3, 2)
        assert list(pool.parameters()) == []
        assert list(pool.state_dict()) == ["filter.weight"]
        assert pool.filter.weight.shape == (3, 1, *pool.filter.kernel_size)

    def test_refuses_bad_input(self, ndim):
        pool = AntiAliasedPool(ndim, 3, 2)
        for shape in ((3, *(4,) * ndim), (1, 2, *(4,) * ndim), (1, 3, *(4,) * (ndim - 1), 0)):
            with pytest.raises(ConfigError, match=r"^AntiAliasedPool expects input of shape \(batch, 3, "):
                pool(torch.zeros(shape))
        with pytest.raises(ConfigError, match=r"^stride must be .* of at least 1, got 0$"):
            AntiAliasedPool(ndim, 3, 0)


@pytest.mark.parametrize("ndim", [1, 2, 3])
class TestConvTranspose:
    @pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5, 8])
    @pytest.mark.parametrize("stride", [1, 2, 3])
    def test_is_the_transpose_of_the_convolution(self, ndim, kernel_size, stride):
        """<conv(x), y> = <x, transposed(y)> for all x and y."""
        torch.manual_seed(kernel_size)
        sizes = {"kernel_size": (kernel_size, 3, 2)[:ndim], "stride": (stride, 1, 2)[:ndim]}
        down = ConvNormAct(ndim, 2, 3, norm=False, activation=None, **sizes).double()
        up = ConvTransposeNormAct(ndim, 3, 2, norm=False, activation=None, **sizes).double()
        with torch.no_grad():
            up.conv.weight.copy_(down.conv.weight)
        lengths = (4, 3, 5)[:ndim]
        y = torch.randn(2, 3, *lengths, dtype=torch.float64)
        x = torch.randn(2, 2, *(n * s for n, s in zip(lengths, sizes["stride"], strict=True)), dtype=torch.float64)
        assert up(y).shape == x.shape
        torch.testing.assert_close((down(x) * y).sum(), (x * up(y)).sum())

    def test_norm_then_activation_follow(self, ndim):
        torch.manual_seed(0)
        x = torch.randn(4, 1, *(5,) * ndim)
        bare = ConvTransposeNormAct(ndim, 1, 2, 4, stride=2, norm=False, activation=None)
        normed = ConvTransposeNormAct(ndim, 1, 2, 4, stride=2, activation=nn.Tanh)
        normed.conv.load_state_dict(bare.conv.state_dict())
        torch.testing.assert_close(normed(x), normed.norm(bare(x)).tanh())
        assert bare.conv.bias is None
        assert ConvTransposeNormAct(ndim, 1, 2, 4, bias=True).conv.bias is not None

    def test_refuses_bad_input(self, ndim):
        block = ConvTransposeNormAct(ndim, 3, 1, 4, stride=2)
        for shape in ((3, *(4,) * ndim), (1, 2, *(4,) * ndim), (1, 3, *(4,) * (ndim - 1), 0)):
            with pytest.raises(ConfigError, match=r"^ConvTransposeNormAct expects input of shape \(batch, 3, "):
                block(torch.zeros(shape))
        with pytest.raises(ConfigError, match=r"^kernel_size must be .* of at least 1, got 0$"):
            ConvTransposeNormAct(ndim, 3, 1, 0)


@pytest.mark.parametrize("ndim", [1, 2, 3])
class TestSeparable:
    def test_depthwise_filters_each_channel_alone(self, ndim):
        torch.manual_seed(0)
        block = depthwise(ndim, 3, 3, stride=2, dilation=2, norm=False, activation=None)
        x = torch.randn(2, 3, *(9,) * ndim)
        for channel in range(3):
            alone = ConvNormAct(ndim, 1, 1, 3, stride=2, dilation=2, norm=False, activation=None)
            alone.load_state_dict({"conv.weight": block.conv.weight[channel : channel + 1]})
            torch.testing.assert_close(block(x)[:, channel], alone(x[:, channel : channel + 1])[:, 0])
        assert block.conv.weight.numel() == 3 * 3**ndim
        assert depthwise(ndim, 3, 4, padding="valid")(x).shape[2:] == (6,) * ndim

    def test_pointwise_mixes_the_channels_of_each_position_alone(self, ndim):
        torch.manual_seed(0)
        block = pointwise(ndim, 3, 5, norm=False, activation=None)
        x = torch.randn(2, 3, *(4,) * ndim)
        expected = torch.einsum("oc,nc...->no...", block.conv.weight.flatten(1), x)
        torch.testing.assert_close(block(x), expected)

    def test_norm_and_activation_are_there_unless_left_out(self, ndim):
        for block in (depthwise(ndim, 2, 3, activation=nn.Tanh), pointwise(ndim, 2, 2, activation=nn.Tanh)):
            assert isinstance(block.act, nn.Tanh)
            assert block.norm.num_features == 2

    @pytest.mark.parametrize(("channels", "groups"), [((4, 6), 4), ((6, 4), 4)])
    def test_groups_must_divide_the_channels(self, ndim, channels, groups):
        with pytest.raises(ConfigError, match=rf"^groups must divide in_channels .* out_channels .*, got {groups}$"):
            ConvNormAct(ndim, *channels, 3, groups=groups)


@pytest.mark.parametrize("ndim", [1, 2, 3])
class TestKernelAndInput:
    def test_a_filter_must_fit_the_padded_input(self, ndim):
        block = ConvNormAct(ndim, 1, 1, 4, dilation=2, padding=1, norm=False)
        assert block(torch.zeros(1, 1, *(5,) * ndim)).shape[2:] == (1,) * ndim
        with pytest.raises(ConfigError) as caught:
            block(torch.zeros(1, 1, *(5,) * (ndim - 1), 4))
        assert str(caught.value) == (
            "kernel_size 4 with dilation 2 spans 7 positions, more than an input of 4 padded by 2; "
            "send a longer input, or lower kernel_size"
        )

    def test_a_window_must_fit_unless_lengths_round_up(self, ndim):
        x = torch.zeros(1, 1, *(3,) * ndim)
        assert Pool(ndim, "max", 4, ceil_mode=True)(x).shape[2:] == (1,) * ndim
        assert Pool(ndim, "max", 4, padding=1)(x).shape[2:] == (1,) * ndim
        with pytest.raises(ConfigError) as caught:
            Pool(ndim, "max", 4)(x)
        assert str(caught.value) == (
            "kernel_size 4 with stride 4 and padding 0 needs an input of at least 4 positions, got 3; "
            "send a longer input, or lower kernel_size"
        )

    @pytest.mark.parametrize("kind", ["max", "avg"])
    def test_a_pool_answers_or_says_what_it_needs(self, ndim, kind):
        """Never an error of torch's own, and never one where torch would answer."""
        for kernel, stride, padding, ceil_mode in itertools.product(range(1, 6), range(1, 6), range(3), (False, True)):
            if 2 * padding > kernel:
                continue
            pool = Pool(ndim, kind, kernel, stride=stride, padding=padding, ceil_mode=ceil_mode)
            for length in range(1, 6):
                x = torch.zeros(1, 1, *(length,) * ndim, device="meta")
                try:
                    answered = pool.pool(x).numel() > 0
                except RuntimeError:
                    answered = False
                if answered:
                    pool(x)
                else:
                    with pytest.raises(ConfigError, match=rf"^kernel_size {kernel} .* positions, got {length}; "):
                        pool(x)

    def test_pools_refuse_input_without_batch_or_positions(self, ndim):
        for shape in ((2, *(4,) * ndim), (1, 2, *(4,) * (ndim - 1), 0)):
            for ceil_mode in (False, True):
                with pytest.raises(ConfigError, match=r"^Pool expects input of shape \(batch, channels, "):
                    Pool(ndim, "max", 2, ceil_mode=ceil_mode)(torch.zeros(shape))
