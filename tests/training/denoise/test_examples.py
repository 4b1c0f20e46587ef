"""Noisy windows: levels, colours, which part of the recordings they are."""

import numpy as np
import pytest

from audiocnn.errors import ConfigError
from tests.training.denoise.small import slope, tones
from training.denoise.config import NoiseConfig
from training.denoise.examples import SAMPLE_RATE, draw, with_noise

AT_5_DB = NoiseConfig(snr_db=(5.0, 5.0))


def ratio_db(example):
    return -10 * np.log10(np.mean(np.square(example.noisy - example.clean)))


@pytest.mark.parametrize("snr_db", [-5.0, 5.0])
def test_noise_lies_as_far_below_as_asked_for(snr_db):
    example = with_noise(0.01 * tones(), snr_db, (0.0, 2.0), np.random.default_rng(0))
    assert np.mean(np.square(example.clean)) == pytest.approx(1, abs=1e-3)
    assert ratio_db(example) == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize("colour", [0.0, 1.0, 2.0])
def test_noise_has_the_colour_asked_for(colour):
    example = with_noise(tones(seconds=10), 5.0, (colour, colour), np.random.default_rng(0))
    assert slope(example.noisy - example.clean) == pytest.approx(colour, abs=0.15)


def test_ratios_and_colours_are_anywhere_in_their_ranges():
    noise, random = NoiseConfig(snr_db=(-3.0, 9.0), colours=(0.5, 1.5)), np.random.default_rng(0)
    examples = [draw([tones(seconds=4)], 4 * SAMPLE_RATE, noise, random) for _ in range(60)]
    ratios, colours = [ratio_db(e) for e in examples], [slope(e.noisy - e.clean) for e in examples]
    assert min(ratios) == pytest.approx(-3, abs=1)
    assert max(ratios) == pytest.approx(9, abs=1)
    assert min(colours) == pytest.approx(0.5, abs=0.3)
    assert max(colours) == pytest.approx(1.5, abs=0.3)


def test_the_same_seed_gives_the_same_example():
    one, same, other = (draw([tones()], 8000, AT_5_DB, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.noisy, same.noisy)
    assert np.abs(one.noisy - other.noisy).max() > 0.1


def test_windows_are_from_anywhere_in_every_recording():
    ramps = [np.arange(10.0, 110, dtype=np.float32), np.arange(1010.0, 1110, dtype=np.float32)]
    random, found = np.random.default_rng(0), set()
    for _ in range(2000):
        clean = draw(ramps, 50, AT_5_DB, random).clean
        step = np.diff(clean).mean()  # the recordings rise by 1 each sample
        found.add(round(float(clean[0] / step)))
    assert found == {*range(10, 61), *range(1010, 1061)}


def test_digital_silence_is_no_example():
    recording = np.concatenate([np.zeros(100_000, np.float32), tones()])
    for seed in range(10):
        assert np.isfinite(draw([recording], 1000, AT_5_DB, np.random.default_rng(seed)).noisy).all()


def test_a_window_below_60_db_counts_as_silence():
    full = tones() / np.sqrt(np.mean(np.square(tones())))
    random = np.random.default_rng(0)
    draw([full * np.float32(10 ** (-58 / 20))], len(full), AT_5_DB, random)
    for quiet in (full * np.float32(10 ** (-62 / 20)), np.zeros_like(full)):
        with pytest.raises(ConfigError, match="of 1000 windows none was louder than -60 dB; are the recordings silent"):
            draw([quiet], len(full), AT_5_DB, random)


def test_a_short_recording_is_filled_up():
    example = draw([tones()[:500]], 1000, AT_5_DB, np.random.default_rng(0))
    assert example.clean.shape == example.noisy.shape == (1000,)
    assert not example.clean[500:].any()
