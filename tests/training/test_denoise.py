"""The denoiser's training: ratios, examples, loss, and the commands from end to end."""

import csv
import json

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from audiocnn.errors import CheckpointError, ConfigError
from training.cli import commands
from training.denoise.command import RESULTS
from training.denoise.examples import SAMPLE_RATE, draw, with_noise
from training.denoise.fit import fit
from training.denoise.measure import measure, si_sdr_db
from training.denoise.saved import WEIGHTS, denoise, load, save


def tones(seed=0, seconds=2):
    """Three sines at once, others each quarter of a second."""
    random = np.random.default_rng(seed)
    time_s = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    chords = [np.sin(2 * np.pi * random.uniform(200, 3000, (3, 1)) * time_s).sum(0) for _ in range(4 * seconds)]
    return np.concatenate(chords).astype(np.float32)


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


class TestExamples:
    @pytest.mark.parametrize("snr_db", [-5.0, 5.0])
    def test_noise_lies_as_far_below_as_asked_for(self, snr_db):
        example = with_noise(0.01 * tones(), snr_db, np.random.default_rng(0))
        noise = example.noisy - example.clean
        assert np.mean(np.square(example.clean)) == pytest.approx(1, abs=1e-3)
        assert -10 * np.log10(np.mean(np.square(noise))) == pytest.approx(snr_db, abs=0.01)

    def test_the_same_seed_gives_the_same_example(self):
        one, same, other = (draw([tones()], 8000, (0.0, 10.0), np.random.default_rng(s)) for s in (1, 1, 2))
        np.testing.assert_array_equal(one.noisy, same.noisy)
        assert np.abs(one.noisy - other.noisy).max() > 0.1

    def test_digital_silence_is_no_example(self):
        recording = np.concatenate([np.zeros(100_000, np.float32), tones()])
        for seed in range(10):
            assert np.isfinite(draw([recording], 1000, (5.0, 5.0), np.random.default_rng(seed)).noisy).all()

    def test_a_short_recording_is_filled_up(self):
        example = draw([tones()[:500]], 1000, (5.0, 5.0), np.random.default_rng(0))
        assert example.clean.shape == example.noisy.shape == (1000,)
        assert not example.clean[500:].any()


def test_a_few_steps_on_tones_take_noise_out_of_other_tones():
    network = fit([tones(seed) for seed in range(20)], steps=40, seed=0, window=4000)
    result = measure(lambda samples: denoise(network, samples), [tones(99)], 5.0, seed=1)
    assert result["noisy_db"] == pytest.approx(5, abs=0.1)
    assert result["gain_db"] > 2
    assert result["denoised_db"] == pytest.approx(result["noisy_db"] + result["gain_db"])


def test_the_same_seed_gives_the_same_network():
    one, same = (fit([tones()], steps=2, seed=3, window=4000).state_dict() for _ in range(2))
    for name, value in one.items():
        torch.testing.assert_close(value, same[name], rtol=0, atol=0)


class TestCommands:
    @pytest.fixture
    def data(self, tmp_path):
        folder = tmp_path / "data" / "emotify"
        folder.mkdir(parents=True)
        with (folder / "clips.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "fold"])
            for fold in range(1, 6):
                rows.writerow([f"{fold}.wav", fold])
                soundfile.write(folder / f"{fold}.wav", 0.1 * tones(fold, seconds=3), SAMPLE_RATE)
        return folder.parent

    def test_from_recordings_to_a_clean_one(self, data, tmp_path):
        run = tmp_path / "run"
        arguments = ["denoise", "train", "--data", str(data), "--run", str(run), "--steps", "2", "--snr", "3"]
        trained = CliRunner().invoke(commands, arguments, catch_exceptions=False)
        assert trained.exit_code == 0
        (result,) = json.loads((run / RESULTS).read_text())
        assert result["test"]["recordings"] == result["validation"]["recordings"] == 1
        assert result["test"]["noisy_db"] == pytest.approx(3, abs=0.1)
        assert f"| 0 | {result['test']['noisy_db']:.2f} dB |" in trained.output

        clean = tmp_path / "clean.wav"
        arguments = ["denoise", "apply", str(run / "seed-0"), str(data / "emotify" / "5.wav"), str(clean)]
        assert CliRunner().invoke(commands, arguments, catch_exceptions=False).exit_code == 0
        samples, sample_rate = soundfile.read(clean, dtype="float32")
        noisy, _ = soundfile.read(data / "emotify" / "5.wav", dtype="float32")
        assert sample_rate == SAMPLE_RATE
        np.testing.assert_allclose(samples, denoise(load(run / "seed-0"), noisy), atol=1e-6)

    def test_bad_seeds_are_refused(self, data):
        with pytest.raises(ConfigError, match="whole numbers such as 0,1,2"):
            CliRunner().invoke(
                commands, ["denoise", "train", "--data", str(data), "--seeds", "one"], catch_exceptions=False
            )

    def test_an_output_that_cannot_be_written_is_an_error(self, data, tmp_path):
        save(tmp_path / "model", fit([tones()], steps=1, seed=0, window=4000), {})
        arguments = ["denoise", "apply", str(tmp_path / "model"), str(data / "emotify" / "1.wav"), "/nowhere/x.wav"]
        with pytest.raises(ConfigError, match="cannot write /nowhere/x"):
            CliRunner().invoke(commands, arguments, catch_exceptions=False)

    @pytest.mark.parametrize("content", [None, b"no weights"])
    def test_a_folder_without_a_denoiser_is_an_error(self, tmp_path, content):
        if content:
            (tmp_path / WEIGHTS).write_bytes(content)
        with pytest.raises(CheckpointError, match="holds no denoiser"):
            load(tmp_path)
