"""What MODEL can be, and what is said when it is none of it."""

import pytest
import torch

from audiocnn import models
from audiocnn.errors import ConfigError, UnknownModelError
from audiocnn.insight.subject import load_subject, parse_shape
from audiocnn.models import registry


def test_a_model_by_name_or_directory_comes_with_its_own_input(tiny_model):
    subject = load_subject(tiny_model)
    assert (subject.name, subject.architecture, subject.shape) == ("tiny", "filterbank-resnet", (1, 8000))
    assert (subject.rate_hz, subject.trained, subject.network.training) == (16_000, True, False)
    assert load_subject("genre").shape == (1, 64_000)


def test_an_architecture_comes_with_the_input_of_its_paper_and_random_weights():
    subject = load_subject("m5")
    assert (subject.shape, subject.rate_hz, subject.trained) == ((1, 32_000), 8000, False)
    assert load_subject("lenet-5", num_outputs=3).network.head.out_features == 3
    assert load_subject("r3d-18").shape == (3, 16, 112, 112)
    assert load_subject("r3d-18").rate_hz is None


def test_random_weights_are_the_same_each_time_and_leave_the_callers_random_numbers_alone():
    torch.manual_seed(4)
    first = load_subject("lenet-5").network.head.weight
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(load_subject("lenet-5").network.head.weight, first)
    assert torch.rand(1) == expected


def test_a_shape_replaces_the_axes_or_all_of_it():
    assert load_subject("m5", (16_000,)).shape == (1, 16_000)
    assert load_subject("alexnet", (64, 80)).shape == (3, 64, 80)
    assert load_subject("lenet-5", (1, 40, 40)).shape == (1, 40, 40)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(UnknownModelError, match=r"called 'm7'; bundled: .*genre.*architectures: .*m5, mlp") as caught:
        load_subject("m7")
    assert all(name in str(caught.value) for name in models.names())


def test_refuses_shapes_and_outputs_that_do_not_fit():
    with pytest.raises(ConfigError, match=r"2 numbers, or 3 with the channels, as .* 1x32x32, got 5$"):
        load_subject("lenet-5", (5,))
    with pytest.raises(ConfigError, match="one output for each label"):
        load_subject("genre", num_outputs=3)


def test_an_architecture_without_a_usual_input_needs_one(monkeypatch):
    entry = registry.Architecture(models.architecture("m3").network, 1, 1, False, None, None)
    monkeypatch.setitem(registry._ARCHITECTURES, "mine", entry)
    with pytest.raises(ConfigError, match="'mine' has no usual input; give one of 1 axes"):
        load_subject("mine")
    assert load_subject("mine", (500,)).shape == (1, 500)


@pytest.mark.parametrize(("text", "shape"), [("16000", (16_000,)), ("3x224x224", (3, 224, 224))])
def test_shapes_as_text(text, shape):
    assert parse_shape(text) == shape


@pytest.mark.parametrize("text", ["", "0", "3x0", "-5", "1.5", "3,224", "x3", "3x", "1\u0663", "9" * 10])
def test_refuses_text_that_is_no_shape(text):
    with pytest.raises(ConfigError, match="whole numbers with x between them, as in 16000 or 3x224x224, got"):
        parse_shape(text)
