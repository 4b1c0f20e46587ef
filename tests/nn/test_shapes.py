"""Output length and receptive field: the formulas against torch."""

import pytest
import torch
from torch import nn

from audiocnn.errors import ConfigError
from audiocnn.nn.blocks import ConvNormAct, Pool
from audiocnn.nn.shapes import Span, output_length, receptive_field, same_padding


@pytest.mark.parametrize("kernel_size", [1, 2, 5, 8])
@pytest.mark.parametrize("stride", [1, 2, 3, 7])
@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("padding", [0, 1, 4])
def test_output_length_is_what_torch_gives(kernel_size, stride, dilation, padding):
    span = Span(kernel_size, stride, dilation)
    conv = nn.Conv1d(1, 1, kernel_size, stride, padding, dilation)
    for length in range(1, 30):
        if length + 2 * padding < span.extent:
            with pytest.raises(ConfigError, match=rf"spans {span.extent} positions, more than an input of {length} "):
                output_length(length, span, 2 * padding)
        else:
            assert output_length(length, span, 2 * padding) == conv(torch.zeros(1, 1, length)).shape[-1]


@pytest.mark.parametrize(
    ("kernel_size", "dilation", "sides"),
    [(1, 1, (0, 0)), (2, 1, (1, 0)), (3, 1, (1, 1)), (4, 1, (2, 1)), (80, 1, (40, 39)), (3, 2, (2, 2)), (2, 3, (2, 1))],
)
def test_same_padding_puts_the_odd_zero_before(kernel_size, dilation, sides):
    assert same_padding(kernel_size, dilation) == sides


STACKS = {
    "one filter": [("conv", Span(7))],
    "strides multiply": [("conv", Span(80, 4)), ("pool", Span(4, 4)), ("conv", Span(3)), ("pool", Span(4, 4))],
    "dilation": [("conv", Span(3, 1, 4)), ("conv", Span(3, 2, 2)), ("pool", Span(3, 2)), ("conv", Span(2))],
}


@pytest.mark.parametrize("name", STACKS)
def test_receptive_field_is_the_span_of_the_input_gradient(name):
    layers = []
    for kind, span in STACKS[name]:
        if kind == "pool":
            # Average instead of max: the gradient of a maximum reaches the winner only.
            layers.append(Pool(1, "avg", span.kernel_size, stride=span.stride))
        else:
            layers.append(
                ConvNormAct(
                    1, 1, 1, span.kernel_size, stride=span.stride, dilation=span.dilation, padding="valid", norm=False,
                    activation=None,
                )
            )  # fmt: skip
            nn.init.ones_(layers[-1].conv.weight)
    x = torch.zeros(1, 1, 500, requires_grad=True)
    out = nn.Sequential(*layers)(x)[0, 0]
    fields = []
    for position in (0, 1):
        (gradient,) = torch.autograd.grad(out[position], x, retain_graph=True)
        seen = gradient[0, 0].nonzero().flatten()
        fields.append((int(seen[0]), int(seen[-1]) + 1))
    field, step = receptive_field(span for _, span in STACKS[name])
    assert fields == [(0, field), (step, step + field)]


def test_no_layers_see_one_position():
    assert receptive_field([]) == (1, 1)
