"""Convolutions with given filters."""

import pytest
import torch

from audiocnn.errors import ConfigError
from audiocnn.nn.filters import IMAGE_FILTERS, convolution


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_impulse_answers_with_the_filter_back_to_front(ndim):
    """Cross-correlation: where the filter's last weight lies on the impulse comes first."""
    sizes = (2, 3, 4)[:ndim]
    weight = torch.arange(1.0, 1 + 2 * torch.Size(sizes).numel()).reshape(2, 1, *sizes)
    impulse = torch.zeros(1, 1, *(2 * size - 1 for size in sizes))
    impulse[(0, 0, *(size - 1 for size in sizes))] = 1
    response = convolution(weight, bias=[10, 20])(impulse)
    flipped = weight[:, 0].flip(tuple(range(1, 1 + ndim)))
    assert torch.equal(response[0], flipped + torch.tensor([10, 20]).reshape(2, *(1,) * ndim))


def test_lists_and_tensors_give_the_same_block_which_can_be_trained():
    x = torch.randn(2, 1, 9)
    block = convolution([[[1, -1]]], stride=2, padding=1)
    assert torch.equal(block(x), convolution(torch.tensor([[[1, -1]]]), stride=2, padding=1)(x))
    assert block(x).shape == (2, 1, 5)
    assert block.conv.bias is None
    assert all(parameter.requires_grad for parameter in block.parameters())


def test_later_changes_of_the_tensor_do_not_reach_the_block():
    weight = torch.ones(1, 1, 2)
    block = convolution(weight)
    weight.zero_()
    assert block.conv.weight.tolist() == [[[1, 1]]]


def test_blur_keeps_brightness_and_the_edge_filters_ignore_it():
    sums = {name: sum(map(sum, rows)) for name, rows in IMAGE_FILTERS.items()}
    assert sums == {"edges": 0, "blur": 1, "sharpen": 1, "vertical edges": 0}


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 1, 1, 1, 1)])
def test_refuses_filters_over_other_axes(shape):
    with pytest.raises(ConfigError) as caught:
        convolution(torch.zeros(shape))
    assert str(caught.value) == (
        f"filters must have the shape (out_channels, in_channels, *kernel) with 1 to 3 axes, got {shape}; "
        "wrap a single filter in two more lists, or take filter[None, None]"
    )


def test_refuses_a_bias_of_another_length():
    with pytest.raises(ConfigError, match=r"^bias must hold a number for each of 2 filters, got 1$"):
        convolution(torch.zeros(2, 1, 3), bias=[0.0])
