"""Costs and receptive fields from shapes: against torch's own counter, gradients, published numbers and by hand."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from audiocnn import models
from audiocnn.errors import ConfigError
from audiocnn.nn.antialias import AntiAliasedPool
from audiocnn.nn.blocks import ConvNormAct, Pool, depthwise
from audiocnn.nn.cost import layer_costs
from audiocnn.nn.transposed import ConvTransposeNormAct


def on_meta(name, num_outputs=10, arguments=None):
    with torch.device("meta"):
        return models.build(name, num_outputs, arguments).eval()


def shape_of(name):
    entry = models.architecture(name)
    return (entry.in_channels, *entry.axes)


def counted_by_torch(network, shape):
    device = next(network.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, *shape, device=device))
    return counter.get_total_flops() // 2  # torch counts a multiply-add as two


def multiply_adds(network, shape):
    return sum(layer.multiply_adds for layer in layer_costs(network, shape))


@pytest.mark.parametrize("name", models.names())
def test_every_network_costs_what_torch_counts(name):
    network, shape = on_meta(name), shape_of(name)
    layers = layer_costs(network, shape)
    assert sum(layer.multiply_adds for layer in layers) == counted_by_torch(network, shape)
    assert sum(layer.parameters for layer in layers) == sum(p.numel() for p in network.parameters())
    assert layers[-1].output_shape == (10,) or name == "p4-cnn"


@pytest.mark.parametrize(
    ("name", "num_outputs", "published_g"),
    [("alexnet", 1000, 0.71), ("resnet-18", 1000, 1.81), ("r3d-18", 400, 40.70), ("r2plus1d-18", 400, 40.52)],
)
def test_published_multiply_adds(name, num_outputs, published_g):
    """As torchvision lists them beside its weights."""
    assert round(multiply_adds(on_meta(name, num_outputs), shape_of(name)) / 1e9, 2) == published_g


def test_layers_of_lenet_5_by_hand():
    layers = {layer.name: layer for layer in layer_costs(models.build("lenet-5", 10), (1, 32, 32))}
    table = [
        ("features.0.conv", "Conv2d", (6, 28, 28), 156, 25 * 6 * 784, (5, 1)),
        ("features.0.act", "Tanh", (6, 28, 28), 0, 0, (5, 1)),
        ("features.1.pool", "AvgPool2d", (6, 14, 14), 0, 0, (6, 2)),
        ("features.2.conv", "Conv2d", (16, 10, 10), 2416, 150 * 16 * 100, (14, 2)),
        ("features.3.pool", "AvgPool2d", (16, 5, 5), 0, 0, (16, 4)),
        ("features.4.conv", "Conv2d", (120, 1, 1), 48_120, 400 * 120, (32, 4)),
        ("features.5", "GlobalPool", (120,), 0, 0, None),
        ("features.6", "Linear", (84,), 10_164, 120 * 84, None),
        ("head", "Linear", (10,), 850, 840, None),
    ]
    for name, kind, shape, parameters, cost, field in table:
        layer = layers[name]
        assert (layer.kind, layer.output_shape, layer.parameters, layer.multiply_adds) == (
            kind, shape, parameters, cost
        )  # fmt: skip
        assert layer.receptive_field == (field and (field, field))


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(
    "make",
    [
        lambda ndim: ConvNormAct(ndim, 4, 6, (4, 3, 2)[:ndim], stride=(2, 1, 3)[:ndim], dilation=2, groups=2),
        lambda ndim: ConvTransposeNormAct(ndim, 4, 6, (4, 3, 2)[:ndim], stride=(2, 1, 3)[:ndim]),
        lambda ndim: AntiAliasedPool(ndim, 4, (2, 1, 3)[:ndim]),
        lambda ndim: depthwise(ndim, 4, 5),
    ],
)
def test_every_block_costs_what_torch_counts(ndim, make):
    block, shape = nn.Sequential(ConvNormAct(ndim, 4, 4, 1), make(ndim)).eval(), (4, *(7, 6, 5)[:ndim])
    assert multiply_adds(block, shape) == counted_by_torch(block, shape) > 0


@pytest.mark.parametrize("name", ["m5", "m34-res", "resnet-18", "alexnet"])
def test_receptive_field_is_where_the_gradient_is(name):
    arguments = {"ndim": 1} if models.architecture(name).any_ndim else {}
    network = models.build(name, 2, arguments).eval()
    rows = {row.name: row for row in layer_costs(network, (models.architecture(name).in_channels, 48_000))}
    for module in network.features.modules():
        if isinstance(module, Pool):
            # Average instead of max: the gradient of a maximum reaches the winner only.
            module.pool = nn.AvgPool1d(module.pool.kernel_size, module.pool.stride, module.pool.padding)
        elif isinstance(module, nn.Conv1d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    x = torch.ones(1, models.architecture(name).in_channels, 48_000, requires_grad=True)
    out = network.features(x)
    middle = out.shape[-1] // 2
    spans = []
    for position in (middle, middle + 1):
        (gradient,) = torch.autograd.grad(out[0, 0, position], x, retain_graph=True)
        seen = gradient[0, 0].nonzero().flatten()
        spans.append((int(seen[0]), int(seen[-1]) + 1))
    last = [row for row in rows.values() if row.name.startswith("features.")][-1]
    ((field, step),) = last.receptive_field
    assert spans[0][1] - spans[0][0] == field
    assert spans[1][0] - spans[0][0] == step
    assert last.first[0] + middle * step == (spans[0][0] + spans[0][1] - 1) / 2


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_no_field_is_told_where_positions_are_resized(ndim):
    rows = {row.name: row for row in layer_costs(on_meta("alexnet", 2, {"ndim": ndim}), (3, *(70,) * ndim))}
    assert rows["features.7.pool"].receptive_field == ((195, 32),) * ndim
    assert rows["pool.pool"].receptive_field is None
    up = nn.Sequential(ConvTransposeNormAct(ndim, 1, 1, 4, stride=2), ConvNormAct(ndim, 1, 1, 3))
    assert {row.receptive_field for row in layer_costs(up, (1, *(8,) * ndim))} == {None}


def test_planes_of_a_group_are_no_axis_of_the_input():
    rows = layer_costs(on_meta("p4-cnn"), (1, 28, 28))
    assert rows[-1].receptive_field == ((28, 2), (28, 2))
    assert rows[-1].axes == (2, 3)


@pytest.mark.parametrize(
    ("name", "layer", "length", "step", "axes"),
    [
        ("envnet-v2", "dense.0.conv", 66_650, 6144, (2,)),  # one answer for the paper's input
        ("acdnet", "front.2.pool", 213, 200, (2,)),
        ("acdnet", "back.13.pool", 30_813, 6400, (2,)),
    ],
)
def test_fields_are_followed_into_pictures_of_the_waveform(name, layer, length, step, axes):
    rows = {row.name: row for row in layer_costs(on_meta(name), (1, 66_650))}
    assert rows[layer].receptive_field == ((length, step),)
    assert rows[layer].axes == axes
    assert (rows["pool"].receptive_field, rows["pool"].axes) == (None, None)


class _Turned(nn.Module):
    """Two filters of different sizes on the two axes of an image, which change places in between."""

    def __init__(self):
        super().__init__()
        self.first = ConvNormAct(2, 1, 1, (3, 5), stride=(1, 2))
        self.second = ConvNormAct(2, 1, 1, (7, 1))

    def forward(self, x):
        return self.second(self.first(x).transpose(2, 3)).unsqueeze(-1)


def test_padding_moves_the_first_field():
    dilated = ConvNormAct(1, 1, 1, 3, padding=2, dilation=3)
    block = nn.Sequential(ConvNormAct(1, 1, 1, 4, stride=2), dilated, Pool(1, "max", 2))
    rows = {row.name: row.first for row in layer_costs(block, (1, 40))}
    # Two zeros come before the first sample: taps at -2 to 1. Then two zeros, each two samples wide, before taps 0, 3
    # and 6, whose middle is the fourth; then half a step of a pool of two.
    assert (rows["0.conv"], rows["1.conv"], rows["2.pool"]) == ((-0.5,), (1.5,), (2.5,))


def test_axes_that_change_places_keep_their_fields():
    rows = {row.name: row for row in layer_costs(_Turned(), (1, 40, 40))}
    assert (rows["first.conv"].receptive_field, rows["first.conv"].axes) == (((3, 1), (5, 2)), (1, 2))
    assert (rows["second.conv"].receptive_field, rows["second.conv"].axes) == (((3, 1), (17, 2)), (2, 1))
    assert rows["second.conv"].output_shape == (1, 20, 40)


class _Inception(nn.Module):
    """A dilated and a plain convolution side by side, then one over both."""

    def __init__(self, ndim):
        super().__init__()
        self.wide = ConvNormAct(ndim, 1, 2, 5, dilation=3)
        self.narrow = ConvNormAct(ndim, 1, 2, 3)
        self.both = ConvNormAct(ndim, 4, 1, 3)

    def forward(self, x):
        return self.both(torch.cat(tensors=[self.wide(x), self.narrow(x)], dim=1))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_the_wider_of_two_branches_counts(ndim):
    rows = {row.name: row.receptive_field for row in layer_costs(_Inception(ndim), (1, *(20,) * ndim))}
    fields = [rows[f"{name}.conv"] for name in ("wide", "narrow", "both")]
    assert fields == [((13, 1),) * ndim, ((3, 1),) * ndim, ((15, 1),) * ndim]


def test_the_network_is_left_as_it_was():
    network = models.build("m3", 10).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    layer_costs(network, (1, 16))  # one position after the first pool: too few to train on
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_a_layer_used_twice_costs_twice_and_counts_once():
    layer = ConvNormAct(1, 3, 3, 5)
    first, _, _, again, _, _ = layer_costs(nn.Sequential(layer, layer), (3, 20))
    assert (first.multiply_adds, again.multiply_adds) == (900, 900)
    assert (first.parameters, again.parameters) == (45, 0)
    assert (first.receptive_field, again.receptive_field) == (((5, 1),), ((9, 1),))


@pytest.mark.parametrize("shape", [(1, 0), (1, -5), (1, 2.5), ("1", 20)])
def test_refuses_illegal_shapes(shape):
    with pytest.raises(ConfigError, match=r"^input_shape must be .* of at least 1, got \("):
        layer_costs(models.build("m3", 10), shape)


def test_refuses_shapes_that_the_network_does_not_take():
    with pytest.raises(ConfigError, match=r"expects input of shape \(batch, 1, samples\), got \(1, 2, 8000\)"):
        layer_costs(models.build("m3", 10), (2, 8000))
