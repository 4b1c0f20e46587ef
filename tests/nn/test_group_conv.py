"""Convolutions over p4 and p4m: exact equivariance, on whole numbers so that no rounding can hide a wrong filter."""

import itertools

import pytest
import torch

from audiocnn.errors import ConfigError
from audiocnn.nn.blocks import ConvNormAct
from audiocnn.nn.group_conv import GroupConv, LiftingConv, elements, inverse, product, turned

GROUPS = ["p4", "p4m"]


def whole_numbers(*shape):
    return torch.randint(-3, 4, shape).float()


def with_whole_numbers(layer):
    torch.manual_seed(0)
    with torch.no_grad():
        layer.weight.copy_(whole_numbers(*layer.weight.shape))
        layer.bias.copy_(whole_numbers(*layer.bias.shape))
    return layer


def planes_turned(planes, group, g):
    """What g does to planes: each is turned, and plane h becomes plane g h."""
    order = elements(group)
    sources = [order.index(product(inverse(g), h)) for h in order]
    return turned(planes[:, :, sources], g)


def test_a_turn_is_a_quarter_counter_clockwise():
    image = torch.tensor([[1, 2, 3], [4, 5, 6]])
    assert turned(image, (False, 1)).tolist() == [[3, 6], [2, 5], [1, 4]]
    assert turned(image, (True, 0)).tolist() == [[3, 2, 1], [6, 5, 4]]
    for turns in range(4):
        assert torch.equal(turned(image, (False, turns)), torch.rot90(image, turns))
        assert torch.equal(turned(image, (True, turns)), torch.rot90(image.flip(-1), turns))


@pytest.mark.parametrize("group", GROUPS)
class TestEveryGroup:
    def test_elements_form_a_group(self, group):
        order = elements(group)
        image = whole_numbers(3, 4)
        assert len(set(order)) == (4 if group == "p4" else 8)
        for g, h in itertools.product(order, order):
            assert product(g, h) in order
            assert torch.equal(turned(image, product(g, h)), turned(turned(image, h), g))
        for g in order:
            assert product(g, inverse(g)) == product(inverse(g), g) == (False, 0) == order[0]

    @pytest.mark.parametrize("padding", [0, 1])
    @pytest.mark.parametrize("kernel_size", [1, 2, 3])
    def test_lifting_turns_with_the_image_exactly(self, group, kernel_size, padding):
        layer = with_whole_numbers(LiftingConv(group, 2, 3, kernel_size, padding=padding))
        x = whole_numbers(2, 2, 6, 5)
        for g in elements(group):
            assert torch.equal(layer(turned(x, g)), planes_turned(layer(x), group, g))

    @pytest.mark.parametrize("padding", [0, 1])
    @pytest.mark.parametrize("kernel_size", [1, 2, 3])
    def test_group_convolution_turns_with_its_planes_exactly(self, group, kernel_size, padding):
        layer = with_whole_numbers(GroupConv(group, 2, 3, kernel_size, padding=padding))
        x = whole_numbers(2, 2, len(elements(group)), 6, 5)
        for g in elements(group):
            assert torch.equal(layer(planes_turned(x, group, g)), planes_turned(layer(x), group, g))

    def test_moves_with_the_image(self, group):
        layer = with_whole_numbers(LiftingConv(group, 1, 2, 3))
        x = whole_numbers(1, 1, 9, 9)
        assert torch.equal(layer(x[..., 1:, 2:]), layer(x)[..., 1:, 2:])

    def test_first_plane_is_the_ordinary_convolution_with_as_many_weights(self, group):
        layer = with_whole_numbers(LiftingConv(group, 2, 3, 3, padding=1))
        plain = ConvNormAct(2, 2, 3, 3, bias=True, norm=False, activation=None)
        plain.load_state_dict({"conv.weight": layer.weight[:, :, 0], "conv.bias": layer.bias})
        x = whole_numbers(2, 2, 6, 5)
        assert torch.equal(layer(x)[:, :, 0], plain(x))
        assert not torch.equal(layer(x)[:, :, 1], plain(x))
        assert sum(p.numel() for p in layer.parameters()) == sum(p.numel() for p in plain.parameters())

    def test_refuses_bad_input(self, group):
        planes = len(elements(group))
        lift, conv = LiftingConv(group, 2, 3, 3), GroupConv(group, 2, 3, 3)
        for shape in [(2, 6, 6), (1, 3, 6, 6), (1, 2, planes, 6, 6), (1, 2, 0, 6)]:
            with pytest.raises(ConfigError, match=r"^LiftingConv expects input of shape \(batch, 2, height, width\)"):
                lift(torch.zeros(shape))
        for shape in [(1, 2, 6, 6), (1, 2, planes + 1, 6, 6), (1, 3, planes, 6, 6)]:
            with pytest.raises(ConfigError, match=rf"^GroupConv expects .* \(batch, 2, {planes}, height, width\), got"):
                conv(torch.zeros(shape))
        with pytest.raises(ConfigError, match=r"^kernel_size 3 .* spans 3 positions, more than an input of 2 padded"):
            conv(torch.zeros(1, 2, planes, 6, 2))


def test_refuses_illegal_arguments():
    with pytest.raises(ConfigError, match=r"^group must be 'p4' .*, got 'p6'$"):
        LiftingConv("p6", 1, 1, 3)
    with pytest.raises(ConfigError, match=r"^kernel_size must be a whole number of at least 1, got \(3, 3\)$"):
        GroupConv("p4", 1, 1, (3, 3))
    with pytest.raises(ConfigError, match=r"^padding must be a whole number of at least 0, got -1$"):
        GroupConv("p4", 1, 1, 3, padding=-1)
