"""Every block refuses input and sizes it cannot use, in words of its own and never in torch's."""

import pytest
import torch

from audiocnn.errors import ConfigError
from audiocnn.nn.antialias import AntiAliasedPool
from audiocnn.nn.blocks import (
    AdaptivePool,
    ConvNormAct,
    GlobalPool,
    LinearNormAct,
    PadShort,
    Pool,
    SqueezeExcite,
    depthwise,
    pointwise,
)
from audiocnn.nn.filterbank import Energies
from audiocnn.nn.group_conv import GroupConv, LiftingConv
from audiocnn.nn.transposed import ConvTransposeNormAct

FIXED = {  # channels matter
    "conv": lambda ndim: ConvNormAct(ndim, 4, 6, 3),
    "even conv": lambda ndim: ConvNormAct(ndim, 4, 6, 4, dilation=3),
    "valid conv": lambda ndim: ConvNormAct(ndim, 4, 6, 1, padding="valid"),
    "depthwise": lambda ndim: depthwise(ndim, 4, 2),
    "pointwise": lambda ndim: pointwise(ndim, 4, 6),
    "transposed": lambda ndim: ConvTransposeNormAct(ndim, 4, 6, 4, stride=2),
    "anti-aliased": lambda ndim: AntiAliasedPool(ndim, 4, 2),
    "squeeze-excite": lambda ndim: SqueezeExcite(ndim, 4, 0.5),
}
FREE = {
    "max": lambda ndim: Pool(ndim, "max", 2),
    "mean": lambda ndim: Pool(ndim, "avg", 2, ceil_mode=True),
    "adaptive": lambda ndim: AdaptivePool(ndim, 3),
    **{kind: lambda ndim, kind=kind: GlobalPool(ndim, kind) for kind in ("mean_plus_max", "mean_max")},
}


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", [*FIXED, *FREE])
class TestEveryBlock:
    def test_refuses_other_shapes_and_whole_numbers(self, ndim, name):
        block = (FIXED | FREE)[name](ndim).eval()
        good = (2, 4, *(5,) * ndim)
        assert block(torch.zeros(good)).numel() > 0
        wrong = [good[1:], good[2:], (*good, 5), (*good[:-1], 0), (), (4,)]
        if name in FIXED:
            wrong += [(2, 3, *good[2:]), (2, 5, *good[2:])]
        for shape in wrong:
            with pytest.raises(ConfigError, match=r"^\w+ expects input of shape \(batch, .*\), got \(.*\); \w+"):
                block(torch.zeros(shape))
        with pytest.raises(ConfigError, match=r"^\w+ expects floating-point numbers, got torch\.uint8; convert them"):
            block(torch.zeros(good, dtype=torch.uint8))

    def test_takes_a_single_position_or_says_what_it_needs(self, ndim, name):
        block = (FIXED | FREE)[name](ndim).eval()
        x = torch.zeros(1, 4, *(1,) * ndim)
        if name == "max" or (name == "mean" and ndim == 3):
            with pytest.raises(
                ConfigError, match=r"^kernel_size 2 with stride 2 and padding 0 needs .* 2 positions, got 1; "
            ):
                block(x)
        else:
            assert block(x).isfinite().all()


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "3", None, (3,)])
@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("in_channels", lambda n: ConvNormAct(1, n, 4, 3)),
        ("out_channels", lambda n: ConvNormAct(1, 4, n, 3)),
        ("groups", lambda n: ConvNormAct(1, 4, 4, 3, groups=n)),
        ("in_channels", lambda n: ConvTransposeNormAct(2, n, 4, 3)),
        ("out_channels", lambda n: ConvTransposeNormAct(2, 4, n, 3)),
        ("channels", lambda n: AntiAliasedPool(3, n, 2)),
        ("channels", lambda n: SqueezeExcite(1, n)),
        ("in_features", lambda n: LinearNormAct(n, 4)),
        ("out_features", lambda n: LinearNormAct(4, n)),
        ("in_channels", lambda n: LiftingConv("p4", n, 4, 3)),
        ("out_channels", lambda n: GroupConv("p4m", 4, n, 3)),
        ("kernel_size", lambda n: GroupConv("p4", 4, 4, n)),
        ("sample_rate", lambda n: Energies(n, 8, 64)),
        ("num_filters", lambda n: Energies(8000, n, 64)),
        ("filter_length", lambda n: Energies(8000, 8, n)),
    ],
)
def test_counts_are_whole_numbers_from_one_up(argument, make, bad):
    with pytest.raises(ConfigError) as caught:
        make(bad)
    assert str(caught.value) == f"{argument} must be a whole number of at least 1, got {bad!r}"


def test_lengths_and_paddings_may_be_zero_but_no_less():
    assert PadShort(0)(torch.zeros(1, 1, 2)).shape == (1, 1, 2)
    with pytest.raises(ConfigError, match=r"^length must be a whole number of at least 0, got -1$"):
        PadShort(-1)
    with pytest.raises(ConfigError, match=r"^padding must be a whole number of at least 0, got 'same'$"):
        LiftingConv("p4", 1, 4, 4, padding="same")


@pytest.mark.parametrize("ratio", [-1, "8", None, True, float("inf"), float("nan")])
def test_gates_need_a_ratio(ratio):
    with pytest.raises(ConfigError, match=r"^ratio must be a number of hidden units per channel, .*, got "):
        SqueezeExcite(1, 16, ratio)


def test_dense_layers_and_planes_refuse_other_shapes():
    for shape in ((4,), (2, 5), (2, 4, 1)):
        with pytest.raises(ConfigError, match=r"^LinearNormAct expects input of shape \(batch, 4\), got \("):
            LinearNormAct(4, 2)(torch.zeros(shape))
    for shape in ((2, 4, 8, 8), (2, 4, 3, 8, 8), (2, 3, 4, 8, 8), (2, 4, 4, 8, 0)):
        with pytest.raises(ConfigError, match=r"^GroupConv expects input of shape \(batch, 4, 4, height, width\), got"):
            GroupConv("p4", 4, 2, 3)(torch.zeros(shape))
    with pytest.raises(ConfigError, match=r"^kernel_size 9 .* spans 9 positions, more than an input of 8 padded by 0;"):
        GroupConv("p4", 4, 2, 9)(torch.zeros(2, 4, 4, 8, 8))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_adaptive_pools_average_the_cells_of_a_grid(ndim):
    x = torch.arange(6.0).expand(1, 1, *(6,) * ndim)
    assert AdaptivePool(ndim, 3)(x).flatten()[:3].tolist() == [0.5, 2.5, 4.5]
    assert AdaptivePool(ndim, 4)(x).flatten()[:4].tolist() == [0.5, 1.5, 3.5, 4.5]
    assert AdaptivePool(ndim, 2)(x).shape[2:] == (2,) * ndim
    with pytest.raises(ConfigError, match=r"^positions must be an int.* of at least 1, got 0$"):
        AdaptivePool(ndim, 0)
