"""Downmix and level normalisation, the same in NumPy and torch."""

import numpy as np
import pytest
import torch

from audiocnn.audio.normalise import QUIETEST, downmix, level_db, normalise_level
from tests.audio_files import music, noise, tone

METHODS = ("none", "peak", "rms", "standardise")


def windows(seed=0):
    """Windows of many levels `(5, 1, 4000)`: loud, quiet, with an offset, constant, silent."""
    rows = [noise(0.25, seed=seed), 1e-3 * music(0.25), 0.3 + tone(seconds=0.25), np.full((1, 4000), 0.5)]
    return np.stack([*rows, np.zeros((1, 4000))]).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_numpy_and_torch_agree(method):
    ours = normalise_level(windows(), method)
    theirs = normalise_level(torch.from_numpy(windows()), method)
    assert isinstance(theirs, torch.Tensor)
    assert ours.dtype == np.float32
    assert theirs.dtype == torch.float32
    # A constant window has nothing left after its mean is gone but rounding, which the two do differently.
    rows = slice(0, 3) if method == "standardise" else slice(None)
    np.testing.assert_allclose(ours[rows], theirs.numpy()[rows], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_window_alone_equals_its_row_of_a_batch(method):
    x = windows()
    for row, expected in zip(x, normalise_level(x, method), strict=True):
        np.testing.assert_array_equal(normalise_level(row, method), expected)


def test_each_method_reaches_its_level():
    x = windows()[:3]
    np.testing.assert_allclose(np.abs(normalise_level(x, "peak")).max(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.mean(normalise_level(x, "rms") ** 2, -1)), 1, rtol=1e-4)
    standard = normalise_level(x, "standardise")
    np.testing.assert_allclose(standard.mean(-1), 0, atol=1e-4)
    np.testing.assert_allclose(standard.std(-1), 1, rtol=1e-4)
    assert normalise_level(x, "none") is x


@pytest.mark.parametrize("method", ["peak", "rms", "standardise"])
@pytest.mark.parametrize("gain", [1e-2, 0.5, 3.0, 1e6])
def test_the_level_of_the_input_does_not_matter(method, gain):
    x = noise(0.25).astype(np.float32)
    np.testing.assert_allclose(
        normalise_level(np.float32(gain) * x, method), normalise_level(x, method), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("method", METHODS)
def test_silence_stays_silence(method):
    assert not normalise_level(np.zeros((1, 100), np.float32), method).any()


@pytest.mark.parametrize("method", ["peak", "rms", "standardise"])
def test_what_is_too_quiet_to_hear_is_not_blown_up(method):
    faint = (QUIETEST / 100 * np.sign(noise(0.1))).astype(np.float32)
    assert 0 < np.abs(normalise_level(faint, method)).max() < 0.02


def test_downmix_is_the_mean_of_all_channels():
    sound = np.array([[1, 0, 0.5], [0, 1, 0.5], [-1, 0, 0.5]], np.float32)
    np.testing.assert_allclose(downmix(sound), [[0, 1 / 3, 0.5]], rtol=1e-6)
    assert downmix(sound).dtype == np.float32
    assert downmix(sound[:1]).base is sound


def test_level_in_db_relative_to_full_scale():
    assert level_db(np.ones((1, 10), np.float32)) == pytest.approx(0)
    assert level_db(tone(440, 1.0, peak=1.0).astype(np.float32)) == pytest.approx(-3.0103, abs=1e-3)
    assert level_db(np.full((1, 10), 1e-3, np.float32)) == pytest.approx(-60, abs=1e-4)
    assert level_db(np.zeros((1, 10), np.float32)) == -np.inf
    assert level_db(np.full((1, 10), 1e-30, np.float32)) == pytest.approx(-600, abs=1e-3)
