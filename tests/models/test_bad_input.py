"""Every registered network refuses input and arguments it cannot use, in words of its own and never in torch's.

Shapes are checked on torch's meta device, where large networks cost nothing.
"""

import inspect

import pytest
import torch

from audiocnn import models, pretrained
from audiocnn.errors import ConfigError, UnknownModelError

SHAPES = {1: (1, 8000), 2: (3, 224, 224), 3: (3, 16, 112, 112)}
OTHER_SHAPES = {
    "mlp": (1, 28, 28),
    "mnist-cnn": (1, 28, 28),
    "lenet-5": (1, 32, 32),
    "lenet-20-50-500": (1, 28, 28),
    "p4-cnn": (1, 28, 28),
    "small-resnet": (1, 28, 28),
}
SHORTEST = {"alexnet": 63, "alexnet-2012": 63, "lenet-5": 32, "lenet-20-50-500": 28, "p4-cnn": 28}
ONE_SIZE = ("mlp", "mnist-cnn", "c3d")
LEGAL = [("mask_bands", 0), ("mask_frames", 0), ("padding", 0), ("dropout", 0), ("gate_ratio", 2.5)]


def on_meta(name, num_outputs=10, arguments=None):
    with torch.device("meta"):
        return models.build(name, num_outputs, arguments).eval()


def zeros(shape, **kwargs):
    return torch.zeros(shape, device="meta", **kwargs)


@pytest.mark.parametrize("name", models.names())
class TestEveryNetwork:
    def test_refuses_other_shapes(self, name):
        network, shape = on_meta(name), OTHER_SHAPES.get(name, SHAPES[models.architecture(name).ndim])
        assert network(zeros((2, *shape))).shape == (2, 10)
        empty = [(2, *shape[:axis], 0, *shape[axis + 1 :]) for axis in range(1, len(shape))]
        channels = [(2, count, *shape[1:]) for count in (0, shape[0] + 1, 8)]
        axes = [shape, shape[1:], (), (7,), (2, *shape[:-1]), (2, *shape, 4), (2, 1, *shape)]
        for wrong in (*empty, *channels, *axes):
            with pytest.raises(ConfigError, match=rf" expects input of shape \(batch, {shape[0]}, .*\), got \(.*\); "):
                network(zeros(wrong))

    def test_refuses_whole_numbers(self, name):
        shape = OTHER_SHAPES.get(name, SHAPES[models.architecture(name).ndim])
        with pytest.raises(ConfigError, match=r" expects floating-point numbers, got torch\.uint8; convert them with"):
            on_meta(name)(zeros((2, *shape), dtype=torch.uint8))

    def test_takes_the_shortest_input_and_says_so_of_a_shorter_one(self, name):
        network, entry = on_meta(name), models.architecture(name)
        if name in ONE_SIZE:
            return
        shortest = SHORTEST.get(name, 1)
        assert network(zeros((1, entry.in_channels, *(shortest,) * entry.ndim))).shape == (1, 10)
        for length in {1, shortest // 2, shortest - 1} - {0, shortest}:
            for axis in range(entry.ndim):
                axes = [shortest] * entry.ndim
                axes[axis] = length
                with pytest.raises(
                    ConfigError, match=rf"; each axis needs {shortest} or more positions: send a larger"
                ):
                    network(zeros((1, entry.in_channels, *axes)))

    def test_refuses_arguments_of_illegal_value(self, name):
        for argument, parameter in inspect.signature(models.architecture(name).network).parameters.items():
            if argument == "num_outputs":
                continue
            assert parameter.kind is parameter.KEYWORD_ONLY
            for bad in (0, -1, 2.5, "x", (), None):
                if (argument, bad) in LEGAL or (argument == "gate_ratio" and bad is None):
                    continue
                with pytest.raises(ConfigError) as caught:
                    on_meta(name, 10, {argument: bad})
                assert str(caught.value).startswith(
                    f"architecture {name!r} cannot be built from {{{argument!r}: {bad!r}}}: "
                )

    def test_refuses_arguments_it_does_not_take_and_names_those_it_takes(self, name):
        taken = [a for a in inspect.signature(models.architecture(name).network).parameters if a != "num_outputs"]
        with pytest.raises(ConfigError) as caught:
            models.build(name, 10, {"depths": 3})
        assert str(caught.value).startswith(f"architecture {name!r} cannot be built from {{'depths': 3}}: ")
        assert str(caught.value).endswith(f"'depths'; it takes {', '.join(taken) or 'no arguments'}")

    @pytest.mark.parametrize("bad", [0, -1, 2.0, True, "10", None])
    def test_refuses_illegal_numbers_of_outputs(self, name, bad):
        with pytest.raises(ConfigError, match=rf"^num_outputs must be a whole number of at least 1, got {bad!r}$"):
            models.build(name, bad)


@pytest.mark.parametrize("ndim", [1, 3])
@pytest.mark.parametrize("name", [name for name in models.names() if models.architecture(name).any_ndim])
def test_the_same_over_other_axes(name, ndim):
    network = on_meta(name, 5, {"ndim": ndim, "in_channels": 2})
    shortest = SHORTEST.get(name, 1)
    assert network(zeros((1, 2, *(shortest,) * ndim))).shape == (1, 5)
    for wrong in (
        (2, *(shortest,) * ndim),
        (1, 1, *(shortest,) * ndim),
        (1, 2, *(shortest,) * (ndim - 1), shortest - 1),
    ):
        with pytest.raises(ConfigError, match=r" expects input of shape \(batch, 2, .*\), got \(.*\); "):
            network(zeros(wrong))


def test_zeros_around_the_image_make_a_smaller_one_do_for_lenet():
    assert on_meta("lenet-5", 10, {"padding": 2})(zeros((1, 1, 28, 28))).shape == (1, 10)
    with pytest.raises(ConfigError, match=r"^LeNet-5 expects .*; each axis needs 28 or more positions: "):
        on_meta("lenet-5", 10, {"padding": 2})(zeros((1, 1, 28, 27)))


def test_unknown_names_list_the_known_ones():
    for name in ("", "M5", "resnet-50", "../m5"):
        with pytest.raises(UnknownModelError) as caught:
            models.build(name, 10)
        assert str(caught.value) == f"unknown architecture {name!r}; known: {', '.join(models.names())}"
    with pytest.raises(
        UnknownModelError, match=rf"^no bundled model .* called 'jazz'; bundled: {pretrained.names()[0]}"
    ):
        pretrained.resolve("jazz")
