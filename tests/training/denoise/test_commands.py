"""`python -m training denoise`, from recordings to a clean one."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from audiocnn.errors import CheckpointError, ConfigError, EmptyAudioError
from tests.training.denoise.small import recipe, tones
from training.cli import commands
from training.denoise.config import SAMPLE_RATE, load_denoise_config
from training.denoise.fit import fit
from training.denoise.measure import measure
from training.denoise.run import RESULTS
from training.denoise.saved import CONFIG, WEIGHTS, Trained, load, save
from training.recordings import read_recordings

RECIPE = Path(__file__).parents[3] / "training" / "recipes" / "denoise.toml"
CHANGES = [
    "model.filter_length=64",
    "model.width=8",
    "noise.test_snr_db=3",
    "data.longest_s=2",
    "train.steps=2",
    "train.window_s=0.5",
]


@pytest.fixture
def data(tmp_path):
    """Three recordings to train on, one to validate and two to test on, at another sample rate than the network's."""
    folder = tmp_path / "data" / "emotify"
    folder.mkdir(parents=True)
    with (folder / "clips.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "fold"])
        for name, fold in enumerate([1, 2, 3, 4, 5, 5]):
            rows.writerow([f"{name}.wav", fold])
            left = 0.1 * tones(name, seconds=3, sample_rate=22_050)
            soundfile.write(folder / f"{name}.wav", np.stack([left, np.zeros_like(left)], axis=1), 22_050)
    return folder.parent


def invoke(*arguments):
    return CliRunner().invoke(commands, ["denoise", *map(str, arguments)], catch_exceptions=False)


def train(data, *more):
    changes = [part for change in CHANGES for part in ("--set", change)]
    return invoke("train", RECIPE, "--data", data, *changes, *more)


class TestTrain:
    def test_trains_and_measures_on_recordings_that_share_no_fold(self, data, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        threads = []
        monkeypatch.setattr(torch, "set_num_threads", threads.append)
        answer = train(data, "--seeds", "0,2", "--device", "cpu", "--threads", 3)
        assert threads == [3]
        run = tmp_path / "runs" / "denoise"
        assert answer.exit_code == 0
        results = json.loads((run / RESULTS).read_text())
        assert [result["seed"] for result in results] == [0, 2]

        config = load_denoise_config(RECIPE, CHANGES)
        recordings = read_recordings(data, ["emotify"], SAMPLE_RATE, longest_s=2)
        assert {part: [len(r) for r in found] for part, found in recordings.items()} == {
            "train": [2 * SAMPLE_RATE] * 3,
            "validation": [2 * SAMPLE_RATE],
            "test": [2 * SAMPLE_RATE] * 2,
        }
        for result in results:
            trained = load(run / f"seed-{result['seed']}")
            expected = fit(recordings["train"], config, seed=result["seed"]).state_dict()
            for name, value in trained.network.state_dict().items():
                np.testing.assert_array_equal(value, expected[name])
            for part, noise in (("validation", 1001), ("test", 1002)):
                measured = measure(trained.denoise, recordings[part], config.noise, noise)
                assert result[part] == pytest.approx(measured)
                assert result[part]["noisy_db"] == pytest.approx(3, abs=0.1)
            test = result["test"]
            assert f"| {result['seed']} | {test['noisy_db']:.2f} dB | {test['denoised_db']:.2f} dB |" in answer.output
            saved = json.loads((run / f"seed-{result['seed']}" / CONFIG).read_text())
            assert saved["training"] == result
            assert result["recipe"]["train"]["window_s"] == 0.5
            assert trained.window == SAMPLE_RATE // 2

    def test_other_corpora_than_ours_are_refused(self, data, tmp_path):
        with pytest.raises(ConfigError, match="corpora must be some of fsdd, esc10, emotify, got speech"):
            train(data, "--run", tmp_path, "--set", 'data.corpora=["speech"]')

    def test_bad_seeds_are_refused(self, data, tmp_path):
        for seeds in ("one", "0,-1", ""):
            refused = train(data, "--run", tmp_path, "--seeds", seeds)
            assert refused.exit_code == 2
            assert f"expected whole numbers such as 0,1,2, got '{seeds}'" in refused.output


class TestApply:
    def test_another_sample_rate_and_two_channels_become_a_clean_wav(self, tmp_path):
        network = fit([tones()], recipe(), seed=0)
        save(tmp_path / "model", network, recipe(), {})
        time_s = np.arange(2 * 44_100) / 44_100
        left = 0.2 * np.sin(2 * np.pi * 1000 * time_s)
        soundfile.write(tmp_path / "noisy.flac", np.stack([left, left / 2], axis=1), 44_100)
        assert invoke("apply", tmp_path / "model", tmp_path / "noisy.flac", tmp_path / "clean.wav").exit_code == 0

        samples, sample_rate = soundfile.read(tmp_path / "clean.wav", dtype="float32")
        assert soundfile.info(tmp_path / "clean.wav").subtype == "FLOAT"  # so nothing is clipped
        assert (sample_rate, samples.shape) == (SAMPLE_RATE, (2 * SAMPLE_RATE,))
        mono = (0.15 * np.sin(2 * np.pi * 1000 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)
        middle = slice(1000, -1000)  # the resampler rings at both ends
        np.testing.assert_allclose(samples[middle], Trained(network, 1600).denoise(mono)[middle], atol=2e-3)

    def test_a_recording_without_a_sample_at_its_rate_is_an_error(self, tmp_path):
        save(tmp_path / "model", fit([tones()], recipe(), seed=0), recipe(), {})
        soundfile.write(tmp_path / "short.wav", np.ones(1), 48_000)
        with pytest.raises(EmptyAudioError, match="shorter than one sample at the model's 16000 Hz"):
            invoke("apply", tmp_path / "model", tmp_path / "short.wav", tmp_path / "clean.wav")

    def test_an_output_that_cannot_be_written_is_an_error(self, data, tmp_path):
        save(tmp_path / "model", fit([tones()], recipe(), seed=0), recipe(), {})
        with pytest.raises(ConfigError, match="cannot write /nowhere/x"):
            invoke("apply", tmp_path / "model", data / "emotify" / "1.wav", "/nowhere/x.wav")


class TestLoad:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            (WEIGHTS, None),
            (CONFIG, None),
            (WEIGHTS, b"no weights"),
            (CONFIG, b"no JSON"),
            (CONFIG, b"[]"),
            (CONFIG, b'{"model": {"width": 8}}'),
            (CONFIG, b'{"model": {"filter_length": 64, "width": 16}}'),
        ],
    )
    def test_a_folder_without_a_denoiser_is_an_error(self, tmp_path, name, content):
        save(tmp_path, fit([tones()], recipe(), seed=0), recipe(), {})
        (tmp_path / name).unlink()
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=f"^{tmp_path} holds no denoiser: "):
            load(tmp_path)

    @pytest.mark.parametrize("window_s", [None, "3", 0, float("nan")])
    def test_a_window_that_is_missing_or_illegal_is_an_error(self, tmp_path, window_s):
        save(tmp_path, fit([tones()], recipe(), seed=0), recipe(), {})
        saved = json.loads((tmp_path / CONFIG).read_text())
        saved["training"]["recipe"]["train"] = {} if window_s is None else {"window_s": window_s}
        (tmp_path / CONFIG).write_text(json.dumps(saved))
        with pytest.raises(CheckpointError, match=f"^{tmp_path} holds no denoiser: .*window_s"):
            load(tmp_path)

    def test_gives_the_network_that_was_saved_and_the_window_it_learned_with(self, tmp_path):
        for window_s in (0.1, 0.25):
            network = fit([tones()], recipe(window_s=window_s), seed=0)
            save(tmp_path, network, recipe(window_s=window_s), {"seed": 0})
            saved = json.loads((tmp_path / CONFIG).read_text())
            assert saved["model"] == {"filter_length": 64, "width": 8}
            assert (saved["training"]["seed"], saved["training"]["recipe"]["name"]) == (0, "small")
            trained = load(tmp_path)
            assert trained.window == window_s * SAMPLE_RATE
            expected = Trained(network, trained.window).denoise(tones())
            np.testing.assert_array_equal(trained.denoise(tones()), expected)
