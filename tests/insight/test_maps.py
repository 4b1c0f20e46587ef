"""Feature maps and class activations: against the logits they explain, and over all kinds of networks."""

import numpy as np
import pytest
import torch

from audiocnn import models
from audiocnn.errors import ConfigError
from audiocnn.insight.maps import MIN_POSITIONS, activation_layer, feature_layers, positions
from audiocnn.insight.subject import Subject
from audiocnn.insight.torch_maps import maps
from tests.conftest import SLIM, lively_network

RANDOM = np.random.default_rng(0)


def subject(name, shape, arguments=None):
    return Subject(name, name, lively_network(name, 3, arguments), shape, 16_000, None)


def seen(subject, features=()):
    table = subject.table().layers
    values = RANDOM.standard_normal(subject.shape).astype(np.float32)
    where = activation_layer(table)
    return values, where, maps(subject.network, values, feature_layers(table, features), where)


@pytest.mark.parametrize(
    ("name", "shape", "arguments"),
    [("m5", (1, 16_000), {}), ("m34-res", (1, 16_000), {}), ("resnet-18", (3, 90, 70), {})],
)
def test_behind_a_mean_and_a_linear_layer_activations_average_to_the_logit(name, shape, arguments):
    """What makes them the class activation maps of Zhou et al. 2016."""
    looked_at = subject(name, shape, arguments)
    _, _, made = seen(looked_at)
    bias = looked_at.network.head.bias.detach().numpy()
    assert made.activations.reshape(3, -1).mean(axis=1) + bias == pytest.approx(made.logits, rel=1e-4, abs=1e-4)
    assert made.activations.std() > 0.01


def test_behind_mean_and_maximum_a_position_has_the_logit_of_an_input_that_is_like_it_everywhere():
    looked_at = subject("filterbank-resnet", (1, 16_000), {"num_filters": 8, "filter_length": 64, "width": 8})
    _, where, made = seen(looked_at, ["features.7.act"])
    assert where.name == "features.7.act"
    network, features = looked_at.network, torch.from_numpy(made.features["features.7.act"])
    for position in (0, 5, features.shape[1] - 1):
        everywhere = features[:, position : position + 1].expand(-1, 4)[None]
        logits = network.head(network.pool(everywhere)) - network.head.bias
        assert made.activations[:, position] == pytest.approx(logits[0].detach().numpy(), rel=1e-4, abs=1e-4)


def test_gradients_are_weighed_as_in_equation_1_and_2():
    looked_at = subject("leenet11", (1, 90_000))
    values, where, made = seen(looked_at)
    kept = []
    module = looked_at.network.get_submodule(where.name)
    handle = module.register_forward_hook(lambda _, __, output: kept.append(output))
    logits = looked_at.network(torch.from_numpy(values)[None])
    handle.remove()
    for label in range(3):
        (gradient,) = torch.autograd.grad(logits[0, label], kept[0], retain_graph=True)
        weights = gradient.mean(-1)
        by_hand = (weights[..., None] * kept[0]).sum(1)[0] * kept[0].shape[-1]
        assert made.activations[label] == pytest.approx(by_hand.detach().numpy(), rel=1e-3, abs=1e-5)


SMALL = [
    name
    for name in models.names()
    if name in ("lenet-5", "lenet-20-50-500", "mnist-cnn", "p4-cnn") or models.architecture(name).ndim == 1
]
"""The larger ones over images and video have the same kinds of layers."""


@pytest.mark.parametrize("name", SMALL)
def test_every_network_that_has_a_map_tells_where(name):
    entry = models.architecture(name)
    arguments = SLIM.get(name, {})
    network = models.build(name, 3, arguments).eval()
    shape = (entry.in_channels, *(min(length, 60_000) if entry.ndim == 1 else length for length in entry.axes))
    looked_at = Subject(name, name, network, shape, entry.sample_rate, None)
    _, where, made = seen(looked_at)
    assert made.activations.shape[0] == len(made.logits.reshape(-1)) == 3
    assert made.activations.ndim == entry.ndim + 1
    assert made.activations[0].size == positions(where) >= MIN_POSITIONS
    assert np.isfinite(made.activations).all()
    for feature in made.features.values():
        assert feature.ndim == entry.ndim + 1


def test_rows_of_a_picture_made_of_sound_count_as_channels():
    looked_at = subject("acdnet", (1, 30_225))
    _, where, made = seen(looked_at, ["back.0.act"])
    assert made.features["back.0.act"].shape == (32 * 64, 151)
    assert made.activations.shape == (3, where.output_shape[2])


def test_features_by_default_have_one_layer_of_each_resolution():
    table = subject("m5", (1, 16_000)).table().layers
    names = [layer.name for layer in feature_layers(table)]
    assert names == ["features.0.act", "features.2.act", "features.4.act", "features.6.act", "features.7.pool"]
    table = subject("sample-cnn", (1, 59_049), {"width": 16}).table().layers
    shown = feature_layers(table)
    assert (len(shown), shown[0].name) == (6, "features.1.act")


def test_refuses_layers_that_are_not_there_and_networks_without_maps():
    table = subject("m3", (1, 4000)).table().layers
    with pytest.raises(
        ConfigError, match=r"no layer called 'head' has a feature map; known: features.0.conv, features"
    ):
        feature_layers(table, ["features.0.act", "head"])
    mlp = Subject("mlp", "mlp", models.build("mlp", 3).eval(), (1, 28, 28), None, None).table().layers
    with pytest.raises(ConfigError, match="no layer of this network has a map of 4 positions or more"):
        activation_layer(mlp)


def test_the_network_is_left_as_it_was():
    looked_at = subject("m3", (1, 4000))
    before = {key: value.clone() for key, value in looked_at.network.state_dict().items()}
    seen(looked_at)
    assert all(torch.equal(value, before[key]) for key, value in looked_at.network.state_dict().items())
    assert all(parameter.grad is None for parameter in looked_at.network.parameters())
    assert not any(module._forward_hooks for module in looked_at.network.modules())
