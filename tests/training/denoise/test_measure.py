"""SI-SDR, and what it says of whole recordings."""

import numpy as np
import pytest
import torch

from tests.training.denoise.small import slope, tones
from training.denoise.config import NoiseConfig
from training.denoise.measure import measure, si_sdr_db
from training.noise import unit


class TestSiSdr:
    def orthogonal(self):
        random = np.random.default_rng(0)
        reference = random.standard_normal(8000)
        reference -= reference.mean()
        noise = random.standard_normal(8000)
        noise -= noise.mean()
        noise -= reference * (noise @ reference) / (reference @ reference)
        return reference, noise * np.sqrt((reference @ reference) / (noise @ noise))

    @pytest.mark.parametrize("db", [-5, 0, 12])
    def test_is_the_ratio_to_what_is_no_multiple_of_the_reference(self, db):
        reference, noise = self.orthogonal()
        estimate = reference + noise * 10 ** (-db / 20)
        assert float(si_sdr_db(torch.from_numpy(estimate), torch.from_numpy(reference))) == pytest.approx(db, abs=1e-6)

    def test_neither_level_nor_offset_count(self):
        reference, noise = self.orthogonal()
        estimate = 0.01 * (reference + noise) + 3
        assert float(si_sdr_db(torch.from_numpy(estimate), torch.from_numpy(5 * reference - 1))) == pytest.approx(0)

    def test_one_for_each_row(self):
        reference, noise = (torch.from_numpy(x) for x in self.orthogonal())
        rows = si_sdr_db(torch.stack([reference + noise, reference + 0.1 * noise]), torch.stack([reference] * 2))
        torch.testing.assert_close(rows, torch.tensor([0.0, 20.0], dtype=torch.float64))


class TestMeasure:
    recordings = tuple(tones(seed) for seed in range(3))
    noise = NoiseConfig(test_snr_db=3.0, colours=(1.0, 1.0))

    def test_what_leaves_everything_as_it_is_gains_nothing(self):
        result = measure(lambda noisy: noisy, self.recordings, self.noise, seed=1)
        assert (result["recordings"], result["snr_db"]) == (3, 3.0)
        assert result["noisy_db"] == result["denoised_db"] == pytest.approx(3, abs=0.1)
        assert result["gain_db"] == result["gain_deviation_db"] == 0

    @pytest.mark.parametrize("colour", [0.0, 1.0, 2.0])
    def test_noise_has_the_colour_asked_for(self, colour):
        heard = []
        noise = NoiseConfig(colours=(colour, colour))
        measure(lambda noisy: heard.append(noisy) or noisy, [tones(seconds=10)], noise, seed=1)
        assert slope(heard[0] - unit(tones(seconds=10))) == pytest.approx(colour, abs=0.15)

    def test_a_gain_is_what_is_better_afterwards(self):
        worse = np.random.default_rng(0).standard_normal(len(self.recordings[0])).astype(np.float32)
        result = measure(lambda noisy: noisy + worse, self.recordings, self.noise, seed=1)
        # Noise at -3 dB and more at 0 dB are together 10 log10(10^-0.3 + 1) = 1.76 dB above the recording.
        assert result["denoised_db"] == pytest.approx(-1.76, abs=0.2)
        assert result["gain_db"] == pytest.approx(result["denoised_db"] - result["noisy_db"])
        assert result["gain_deviation_db"] > 0

    def test_noise_depends_on_the_seed_and_differs_between_recordings(self):
        heard = []
        for seed in (1, 1, 2):
            measure(lambda noisy: heard.append(noisy) or noisy, [self.recordings[0]] * 2, self.noise, seed)
        first, second, again, _, other, _ = heard
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - second).max() > 0.1
        assert np.abs(first - other).max() > 0.1
