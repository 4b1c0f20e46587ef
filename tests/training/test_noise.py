"""Computed noise: levels, spectra, seeds."""

import math

import numpy as np
import pytest

from training.noise import NOISES, coloured


def octave_levels_db(samples, sample_rate=16_000):
    """Power in dB of the octaves from 125 to 4000 Hz, lower edge included."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    return np.array([10 * np.log10(power[(hz >= low) & (hz < 2 * low)].sum()) for low in (125, 250, 500, 1000, 2000)])


class TestNoise:
    @pytest.mark.parametrize("name", NOISES)
    def test_is_at_level_1_and_the_same_for_the_same_numbers(self, name):
        one, same, other = (NOISES[name](16_000, 16_000, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert one.dtype == np.float32
        assert one.shape == (16_000,)
        assert np.sqrt(np.mean(np.square(one))) == pytest.approx(1, abs=1e-4)
        np.testing.assert_array_equal(one, same)
        assert np.abs(one - other).max() > 0.1

    @pytest.mark.parametrize(("name", "db_per_octave"), [("white", 3), ("pink", 0), ("brown", -3)])
    def test_power_of_octaves(self, name, db_per_octave):
        samples = NOISES[name](160_000, 16_000, np.random.default_rng(0))
        np.testing.assert_allclose(np.diff(octave_levels_db(samples)), db_per_octave, atol=0.5)

    def test_hum_is_made_of_harmonics_of_the_mains(self):
        samples = NOISES["hum"](160_000, 16_000, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(samples)) ** 2
        hz = np.fft.rfftfreq(160_000, 1 / 16_000)
        base = hz[power[(hz < 70)].argmax()]
        assert min(abs(base - 50), abs(base - 60)) < 0.7
        near = np.abs(hz / base - np.round(hz / base)) * base < 2
        assert power[near & (hz < 21 * base)].sum() / power.sum() > 0.98

    def test_rooms_differ(self):
        spectra = [octave_levels_db(NOISES["room"](16_000, 16_000, np.random.default_rng(seed))) for seed in range(6)]
        assert np.std(spectra, axis=0).max() > 3

    @pytest.mark.parametrize("exponent", [0, 0.5, 2])
    def test_power_of_coloured_noise_falls_with_its_exponent(self, exponent):
        samples = coloured(160_000, 16_000, np.random.default_rng(0), exponent)
        falls_db = 10 * math.log10(2) * (1 - exponent)
        np.testing.assert_allclose(np.diff(octave_levels_db(samples)), falls_db, atol=0.5)
