"""Quantities that follow the speed, lie on a log scale and have a tolerance; librosa's tempo as the bar to clear."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiocnn.errors import ConfigError
from audiocnn.spec import Quantity, TaskSpec
from training.baselines.recordings import SAMPLE_RATE
from training.baselines.run import measure_baseline
from training.baselines.tempo import tempo
from training.config import AugmentConfig, Config, DataConfig, QuantityConfig, SideTaskConfig
from training.data.batches import Batches
from training.data.cache import open_cache
from training.data.manifest import read_clips
from training.data.media import medium_of
from training.data.targets import task_of, tasks_of
from training.distributed import Process
from training.metrics import measure
from training.setup import prepare
from training.validation import answers

ALONE = Process(rank=0, world_size=1, device=torch.device("cpu"))
BPM = QuantityConfig("BPM", (30.0, 300.0), scale="log", tolerance=0.04)


def write_manifest(folder: Path, rows: list[dict[str, object]]) -> None:
    with (folder / "clips.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


class TestSpeed:
    @pytest.fixture
    def tones(self, tmp_path: Path) -> Path:
        """Tones whose frequency is in the manifest."""
        rows: list[dict[str, object]] = []
        for index, hz in enumerate((400, 500, 600, 700)):
            sound = 0.3 * np.sin(2 * np.pi * hz * np.arange(16_000) / 8000)
            soundfile.write(tmp_path / f"{index}.wav", sound, 8000)
            rows.append({"path": f"{index}.wav", "hz": hz, "bpm": hz / 5, "label": "ab"[index % 2]})
        write_manifest(tmp_path, rows)
        return tmp_path

    @staticmethod
    def batches(config: Config, folder: Path) -> Batches:
        clips = read_clips(folder, config.data, "audio", config.side_tasks)
        cache = open_cache(folder / "cache", clips, medium_of(config), 0.0)
        return Batches(cache, medium_of(config), clips, tasks_of(config, clips, clips), config)

    def test_the_target_is_what_the_faster_window_has(self, config: Config, tones: Path) -> None:
        quantities = {"hz": QuantityConfig("Hz", follows_speed=True), "bpm": QuantityConfig("BPM")}
        data = DataConfig(manifest="clips.csv", kind="regression", quantities=quantities, validation=0.0)
        plain = AugmentConfig(speed=0.4, gain_db=0.0, noise_db=(), polarity=False)
        fast = replace(config, data=data, augment=plain)
        batches, medium = self.batches(fast, tones), medium_of(fast)
        ratios = set()
        for step in range(8):
            windows, targets = batches.batch(step)
            ratio = (targets[:, 0] / targets[:, 1] / 5)[0].item()  # the other quantity stays what it was
            assert windows.shape[-1] / fast.input.window == pytest.approx(ratio, rel=1e-5)
            windows = medium.augment(windows, np.random.default_rng(0))  # where they get their length back
            spectrum = torch.fft.rfft(windows * torch.hann_window(windows.shape[-1]), n=32_000).abs()
            heard_hz = spectrum.argmax(dim=1) * 8000 / 32_000
            torch.testing.assert_close(targets[:, 0], heard_hz, rtol=0.01, atol=1.0)
            ratios.add(ratio)
        assert max(ratios) - min(ratios) > 0.1

    def test_that_of_a_side_task_as_well(self, config: Config, tones: Path) -> None:
        side = SideTaskConfig("regression", quantities={"hz": QuantityConfig("Hz", follows_speed=True)})
        data = DataConfig(manifest="clips.csv", validation=0.0)
        batches = self.batches(
            replace(config, data=data, side_tasks={"pitch": side}, augment=AugmentConfig(speed=0.4)), tones
        )
        _, targets = batches.batch(0)
        assert set(targets[:, :2].flatten().tolist()) == {0.0, 1.0}
        assert all(value not in (400, 500, 600, 700) for value in targets[:, 2].tolist())


class Crossings(torch.nn.Module):
    """Sure of the 8th of 32 bins for a low tone and of the 24th for a high one; in between of both, more or less."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        share = (waveform[:, 0, 1:] * waveform[:, 0, :-1] < 0).float().mean(dim=1) * 4  # 1200 Hz: 0.3 of the samples
        logits = torch.full((len(waveform), 32), -10.0)
        logits[:, 8], logits[:, 24] = 5 * (1 - share), 5 * share
        return logits


def test_the_loop_answers_for_clips_as_the_classifier_does(config: Config, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = []
    for index, seconds in enumerate((0.7, 1.4)):
        low, high = (np.sin(2 * np.pi * hz * np.arange(0, seconds, 1 / 8000)) for hz in (300, 1200))
        soundfile.write(tmp_path / f"{index}.wav", 0.3 * np.concatenate([low, high]), 8000)
        rows.append({"path": f"{index}.wav", "hz": 300 * 4**index, "split": "train"})
    write_manifest(tmp_path, rows)
    quantities = {"hz": QuantityConfig("Hz", (100.0, 3200.0), scale="log", bins=32)}
    data = DataConfig(manifest="clips.csv", split="split", kind="regression", quantities=quantities, validation=0.0)
    regression = replace(config, data=data)
    setup = prepare(regression, tmp_path, tmp_path / "cache", ALONE, None)
    network = Crossings().eval()
    found = answers(network, regression, setup, setup.split.train)
    for clip, row in zip(setup.split.train, found, strict=True):
        windows = np.stack([window.values for window in setup.medium.windows(setup.cache.items(clip))])
        with torch.inference_mode():
            logits = network(torch.from_numpy(windows)).double().numpy()
        expected = setup.heads.of_clips(logits, np.array([len(windows)]))[0]
        np.testing.assert_allclose(row, expected)
        assert abs(row[0] / setup.heads.answers(logits).mean() - 1) > 0.1


class TestLogScale:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({}, r"^row 1 of .*clips\.csv must have a number from 30 to 300 as bpm, it has '0'$"),
            ({"range": ()}, r"^row 1 of .*clips\.csv must have a number above 0 as bpm, it has '0'$"),
        ],
    )
    def test_values_must_be_above_0(self, tmp_path: Path, changes: dict[str, tuple[float, ...]], message: str) -> None:
        (tmp_path / "a.wav").touch()
        write_manifest(tmp_path, [{"path": "a.wav", "bpm": 0}])
        quantities = {"bpm": replace(BPM, **changes)}
        with pytest.raises(ConfigError, match=message):
            read_clips(tmp_path, DataConfig(manifest="clips.csv", kind="regression", quantities=quantities))

    def test_mean_and_deviation_are_of_the_logarithms(self, tmp_path: Path) -> None:
        for name in "ab":
            (tmp_path / f"{name}.wav").touch()
        write_manifest(tmp_path, [{"path": "a.wav", "bpm": 60}, {"path": "b.wav", "bpm": 240}])
        config = DataConfig(manifest="clips.csv", kind="regression", quantities={"bpm": replace(BPM, bins=16)})
        clips = read_clips(tmp_path, config)
        (quantity,) = task_of(config, clips, clips).quantities
        assert (quantity.scale, quantity.bins, quantity.tolerance) == ("log", 16, 0.04)
        assert (quantity.middle, quantity.deviation) == pytest.approx((120, np.log(2)))


class TestTolerance:
    def test_octaves_count_in_the_second_accuracy(self) -> None:
        task = TaskSpec(
            "regression", ("bpm",), (Quantity("BPM", mean=4.8, deviation=0.5, scale="log", tolerance=0.04),)
        )
        answers = np.array([[100.0], [103.9], [96.1], [104.1], [51.9], [208.1], [301.0], [33.0], [150.0]])
        metrics = measure(answers, np.full((9, 1), 100.0), task, {})
        assert metrics["accuracy1"] == pytest.approx(3 / 9)
        assert metrics["accuracy2"] == pytest.approx(6 / 9)
        assert metrics["loss"] == pytest.approx(np.mean(np.square(np.log(answers / 100) / 0.5)))

    def test_without_one_there_are_no_accuracies(self) -> None:
        task = TaskSpec("regression", ("bpm",), (Quantity("BPM"),))
        assert "accuracy1" not in measure(np.array([[100.0]]), np.array([[100.0]]), task, {})


def drumming(bpm: float, seconds: float = 8.0) -> np.ndarray:
    """A burst of noise on each beat, at librosa's rate."""
    random = np.random.default_rng(round(bpm))
    x = 0.001 * random.standard_normal(round(seconds * SAMPLE_RATE))
    for beat in np.arange(0, seconds - 0.1, 60 / bpm):
        start = round(beat * SAMPLE_RATE)
        x[start : start + 1000] += 0.3 * random.standard_normal(1000) * np.exp(-np.arange(1000) / 200)
    return x.astype(np.float32)


class TestBaseline:
    @pytest.fixture
    def beats(self, tmp_path: Path) -> Path:
        rows: list[dict[str, object]] = []
        for index, bpm in enumerate((100, 110, 120, 130)):
            soundfile.write(tmp_path / f"{index}.wav", drumming(bpm), SAMPLE_RATE)
            wrong = 5 if index == 3 else 1
            rows.append({"path": f"{index}.wav", "bpm": bpm / wrong, "fold": index % 2})
        write_manifest(tmp_path, rows)
        return tmp_path

    @pytest.fixture
    def task(self, config: Config) -> Config:
        quantities = {"bpm": replace(BPM, range=(10.0, 300.0))}
        return replace(
            config, data=DataConfig(manifest="clips.csv", fold="fold", kind="regression", quantities=quantities)
        )

    def test_finds_the_tempo_of_clear_beats(self) -> None:
        assert tempo(drumming(125.0)) == pytest.approx(125, rel=0.04)

    def test_is_measured_on_each_fold(self, task: Config, beats: Path, tmp_path: Path) -> None:
        results = measure_baseline(task, beats, tmp_path / "cache", "librosa-tempo")
        assert [(f["fold"], f["clips"], f["accuracy1"]) for f in results["folds"]] == [("0", 2, 1.0), ("1", 2, 0.5)]
        assert results["summary"]["accuracy1"] == {"mean": 0.75, "deviation": 0.25}

    def test_is_for_tempo_alone(self, task: Config, beats: Path, tmp_path: Path) -> None:
        two = replace(task.data, quantities={**task.data.quantities, "fold": QuantityConfig()})
        with pytest.raises(ConfigError, match=r"^librosa-tempo needs one quantity named bpm or tempo, got bpm, fold$"):
            measure_baseline(replace(task, data=two), beats, tmp_path / "cache", "librosa-tempo")
