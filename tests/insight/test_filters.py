"""The first layer's filters, and the frequency responses of filters that are known."""

import numpy as np
import pytest
import torch

from audiocnn.insight.arrays import plain
from audiocnn.insight.filters import FLOOR_DB, first_filters, frequency_responses
from audiocnn.insight.subject import load_subject
from audiocnn.nn.filterbank import gabor_filters

RATE = 16_000


def waves(*hertz, taps=256):
    times = np.arange(taps) / RATE
    return np.stack([np.hanning(taps) * np.sin(2 * np.pi * f * times) for f in hertz])[:, np.newaxis]


@pytest.mark.parametrize("hertz", [300, 1000, 2345, 7000])
def test_a_wave_is_most_sensitive_to_its_own_frequency(hertz):
    responses = frequency_responses(waves(hertz), RATE)
    assert responses.centres_hz[0] == pytest.approx(hertz, abs=RATE / 1024)
    peak = responses.gains_db[0].argmax()
    assert responses.frequencies_hz[peak] == responses.centres_hz[0]


def test_gains_are_what_a_sine_comes_out_at():
    weights = np.random.default_rng(0).standard_normal((1, 1, 31))
    responses = frequency_responses(weights, RATE)
    for index in (10, 100, 400):
        times = np.arange(4000) / RATE
        sine = np.sin(2 * np.pi * responses.frequencies_hz[index] * times)
        out = np.convolve(sine, weights[0, 0, ::-1], mode="valid")
        gain_db = 20 * np.log10(np.sqrt(2 * np.mean(out**2)))
        assert responses.gains_db[0, index] == pytest.approx(gain_db, abs=0.2)


def test_frequencies_reach_half_the_sample_rate_and_long_filters_are_resolved():
    responses = frequency_responses(np.ones((1, 1, 3)), RATE)
    assert (responses.frequencies_hz[0], responses.frequencies_hz[-1], len(responses.frequencies_hz)) == (0, 8000, 513)
    assert len(frequency_responses(np.ones((1, 1, 2000)), RATE).frequencies_hz) == 2049


def test_order_is_by_centre_and_silence_has_a_floor():
    weights = np.concatenate([waves(3000, 200, 1000), np.zeros((1, 1, 256))])
    responses = frequency_responses(weights, RATE)
    assert responses.order.tolist() == [3, 1, 2, 0]
    assert set(responses.gains_db[3]) == {FLOOR_DB}


@pytest.mark.parametrize(
    ("centre", "other", "is_outside"),
    [
        (1000, 1450, False),
        (1000, 1550, True),
        (1000, 690, False),
        (1000, 640, True),
        (100, 155, False),  # 60 Hz are wider there
        (100, 170, True),
    ],
)
def test_what_a_filter_lets_through_from_outside_its_band(centre, other, is_outside):
    strong, weak = waves(centre, other, taps=8192)
    responses = frequency_responses((strong + weak / 2)[np.newaxis], RATE)
    assert responses.outside == pytest.approx([0.2 if is_outside else 0.0], abs=0.002)


def test_nothing_is_let_through_by_a_filter_of_zeros():
    assert frequency_responses(np.zeros((1, 1, 8)), RATE).outside.tolist() == [0.0]


def test_several_channels_add_their_energies():
    one = waves(1000)
    two = frequency_responses(np.concatenate([one, one], axis=1), RATE)
    assert two.gains_db.max() - frequency_responses(one, RATE).gains_db.max() == pytest.approx(10 * np.log10(2))


def test_the_filterbank_starts_on_the_mel_scale():
    centres = frequency_responses(gabor_filters(RATE, 32, 512).numpy(), RATE).centres_hz
    mels = np.linspace(2595 * np.log10(1 + 40 / 700), 2595 * np.log10(1 + 7600 / 700), 32)
    # The first and the last meet their own mirror images at 0 and half the sample rate.
    assert centres[2:-3] == pytest.approx(700 * (10 ** (mels[2:-3] / 2595) - 1), abs=RATE / 1024 + 4)


@pytest.mark.parametrize(
    ("name", "layer", "shape"),
    [
        ("m5", "features.0.conv", (128, 1, 80)),
        ("acdnet", "front.0.conv", (8, 1, 9)),
        ("alexnet", "features.0.conv", (64, 3, 11, 11)),
        ("r3d-18", "features.0.conv", (64, 3, 3, 7, 7)),
        ("p4-cnn", "features.0", (10, 1, 3, 3)),
        ("mlp", "hidden", (10, 1, 28, 28)),
    ],
)
def test_the_filters_that_meet_the_input(name, layer, shape):
    subject = load_subject(name)
    filters = first_filters(subject)
    assert (filters.layer, filters.weights.shape, filters.trained) == (layer, shape, False)
    flat = subject.network.get_submodule(layer).weight.detach().flatten()
    assert torch.equal(torch.from_numpy(filters.weights).flatten(), flat)


def test_the_bundled_models_filters_are_trained():
    assert first_filters(load_subject("genre")).trained


def test_arrays_as_json_have_six_digits_and_no_nan():
    assert plain(np.array([[1.23456789, np.nan], [-2e-9, 3]])) == [[1.23457, None], [-2e-9, 3.0]]
    assert plain(np.array([0.1, 123456789, 0], np.float32)) == [0.1, 123457000.0, 0.0]
    values = np.random.default_rng(0).standard_normal(1000) * 10.0 ** np.arange(-500, 500).clip(-12, 15)
    assert plain(values) == [float(f"{value:.6g}") for value in values]
