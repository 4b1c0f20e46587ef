import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional

from audiocnn.errors import ConfigError
from audiocnn.spec import ImageSpec, Quantity, TaskSpec
from training.baselines.mel_cnn import MelCnn, log_mel
from training.baselines.mfcc_ridge import ALPHAS, MfccRidge, lines
from training.baselines.recordings import Recordings, mfcc_statistics
from training.baselines.run import KINDS, measure_baseline
from training.config import Config, DataConfig, ModelConfig, QuantityConfig, VisualAugmentConfig
from training.crossval import table
from training.data.manifest import read_clips
from training.data.split import split_clips

PITCH = {"octave": QuantityConfig("octaves", (-1.0, 4.0))}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def columns(data: Path) -> Path:
    """The clips of `data` with their pitch in octaves, a ratio and shares that follow it, and a split of them."""
    with (data / "columns.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "fold", "artist", "octave", "ratio", "bright", "dark", "split"])
        for label, base in (("high", 1760.0), ("low", 220.0)):
            for i in range(12):
                octave = float(np.log2(base * (1 + 0.02 * i) / 220))
                split = "test" if i < 3 else "validation" if i < 6 else "train"
                row = [f"{label}/{i}.wav", label, i % 3, f"artist {i % 6} of {label}", octave, 10**octave]
                rows.writerow([*row, min(octave / 3, 1), 1 - min(octave / 3, 1), split])
    return data


@pytest.fixture
def regression(config: Config) -> Config:
    return replace(config, data=_columns(kind="regression", quantities=PITCH))


@pytest.fixture
def shares(config: Config) -> Config:
    return replace(config, data=_columns(kind="multi_label", shares=("bright", "dark")))


def _columns(**settings: Any) -> DataConfig:
    return replace(DataConfig(manifest="columns.csv", fold="fold", group="artist"), **settings)


def summary(config: Config, data: Path, cache: Path, kind: str) -> dict[str, Any]:
    found = measure_baseline(config, data, cache, kind)
    assert found["name"] == kind
    assert [fold["fold"] for fold in found["folds"]] == ["0", "1", "2"]
    assert len(list(table(found))) == 6
    return {name: value["mean"] for name, value in found["summary"].items() if "mean" in value}


def test_the_mean_is_the_prior_of_classes(config: Config, columns: Path, cache: Path) -> None:
    found = summary(config, columns, cache, "mean")
    assert found["accuracy"] == 0.5
    assert found["loss"] == pytest.approx(np.log(2))


def test_the_mean_of_quantities_and_shares(regression: Config, shares: Config, columns: Path, cache: Path) -> None:
    found = summary(regression, columns, cache, "mean")
    assert found["r2"] == pytest.approx(0, abs=0.02)
    assert found["mae"] == pytest.approx(1.5, abs=0.1)
    assert summary(shares, columns, cache, "mean")["mae"] == pytest.approx(0.46, abs=0.05)


def test_ridge_follows_quantities_and_shares(regression: Config, shares: Config, columns: Path, cache: Path) -> None:
    assert summary(regression, columns, cache, "mfcc-ridge")["r2"] > 0.95
    assert summary(shares, columns, cache, "mfcc-ridge")["mae"] < 0.05


def test_ridge_answers_stay_in_the_range_of_a_quantity(regression: Config, columns: Path, cache: Path) -> None:
    clips = read_clips(columns, regression.data)
    ridge = MfccRidge("mfcc-ridge", regression, Recordings(clips, cache, 0))
    limits = ((None, None), (0.5, 3.1))
    tasks = [TaskSpec("regression", ("octave",), (Quantity("octaves", low, high),)) for low, high in limits]
    free, bounded = (ridge.answers(clips, clips, task) for task in tasks)
    assert free.min() < 0.5
    assert free.max() > 3.1
    np.testing.assert_array_equal(bounded, free.clip(0.5, 3.1))


def test_ridge_learns_the_logarithm_of_a_quantity_on_a_log_scale(
    regression: Config, columns: Path, cache: Path
) -> None:
    scales = {"octave": QuantityConfig(), "ratio": QuantityConfig(scale="log")}
    config = replace(regression, data=_columns(kind="regression", quantities=scales))
    clips = read_clips(columns, config.data)
    ridge = MfccRidge("mfcc-ridge", config, Recordings(clips, cache, 0))
    task = TaskSpec("regression", ("octave", "ratio"), (Quantity("octaves"), Quantity("", scale="log")))
    octaves, ratios = ridge.answers(clips[::2], clips[1::2], task).T
    np.testing.assert_allclose(ratios, 10**octaves, rtol=1e-6)
    assert np.isfinite(summary(config, columns, cache, "mfcc-ridge")["loss"])  # no answer below 0


def test_ridge_is_that_of_scikit_learn_at_its_best_penalty() -> None:
    random = np.random.default_rng(0)
    x, unseen = random.standard_normal((40, 6)) * [1, 2, 3, 4, 5, 0], random.standard_normal((5, 6))
    y = x @ random.standard_normal((6, 2)) + random.standard_normal((40, 2))
    for alpha, found in zip(ALPHAS, lines(x, y, unseen), strict=True):
        wanted = make_pipeline(StandardScaler(), Ridge(alpha)).fit(x, y).predict(unseen)
        np.testing.assert_allclose(found, wanted, atol=1e-8)


@pytest.mark.parametrize(
    ("kind", "task"), [("mfcc-svm", "single_label"), ("mfcc-svm", "binary"), ("mel-cnn", "binary")]
)
def test_two_notes_are_told_apart(config: Config, columns: Path, cache: Path, kind: str, task: str) -> None:
    config = replace(
        config,
        data=replace(config.data, kind=task, positive="high" if task == "binary" else ""),
        train=replace(config.train, epochs=8, mixup=0.0),
    )
    assert summary(config, columns, cache, kind)["accuracy"] == 1.0


def test_mel_cnn_learns_quantities_and_repeats_itself(regression: Config, columns: Path, cache: Path) -> None:
    config = replace(regression, train=replace(regression.train, epochs=15, lr=0.01))
    assert summary(config, columns, cache, "mel-cnn")["r2"] > 0.7
    short = replace(config, train=replace(config.train, epochs=1))
    found = summary(short, columns, cache, "mel-cnn")
    assert summary(short, columns, cache, "mel-cnn") == found
    assert summary(replace(short, seed=1), columns, cache, "mel-cnn") != found


def test_mel_cnn_answers_for_a_quantity_with_bins_where_the_windows_peak_together(
    regression: Config, columns: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three windows, sure of 4096, 1 and 1: their mean would be what no window said."""

    class Sure(nn.Module):
        def forward(self, windows: torch.Tensor) -> torch.Tensor:
            bins = torch.tensor([6, *[0] * (len(windows) - 1)])
            return 40 * functional.one_hot(bins, 7).float()

    octaves = {"ratio": QuantityConfig("", (1.0, 4096.0), scale="log", bins=7)}
    config = replace(regression, data=_columns(kind="regression", quantities=octaves))
    clips = read_clips(columns, config.data)[:4]
    mel_cnn = MelCnn("mel-cnn", config, Recordings(clips, cache, 0))
    monkeypatch.setattr("training.baselines.mel_cnn.SmallResNet", lambda *_, **__: Sure())
    monkeypatch.setattr(mel_cnn, "_fit", lambda *_: None)
    task = TaskSpec("regression", ("ratio",), (Quantity("", 1.0, 4096.0, 2.0, 1.0, "log", 7),))
    assert mel_cnn.answers(clips, clips, task).max() < 1.01


def test_mel_cnn_fills_windows_longer_than_the_clips(config: Config, columns: Path, cache: Path) -> None:
    longer = replace(
        config, input=replace(config.input, window=24_000, hop=12_000), train=replace(config.train, epochs=6)
    )
    assert summary(longer, columns, cache, "mel-cnn")["accuracy"] > 0.8


def test_a_split_is_tested_once_after_learning_from_the_rest(regression: Config, columns: Path, cache: Path) -> None:
    split = replace(regression, data=_columns(kind="regression", quantities=PITCH, fold="", group="", split="split"))
    found = measure_baseline(split, columns, cache, "mean")
    assert [(fold["fold"], fold["clips"]) for fold in found["folds"]] == [("test", 6)]
    octaves = np.log2(np.array([8, 1]) * (1 + 0.02 * np.arange(12)[:, np.newaxis]))
    assert found["summary"]["rmse"]["mean"] == pytest.approx(
        np.sqrt(np.square(octaves[:3] - octaves[3:].mean()).mean())
    )
    no_test = columns / "no-test.csv"
    no_test.write_text((columns / "columns.csv").read_text().replace(",test", ",train"))
    with pytest.raises(ConfigError, match="the manifest's split has no clips to test on"):
        measure_baseline(replace(split, data=replace(split.data, manifest="no-test.csv")), columns, cache, "mean")


def test_without_folds_and_split_it_is_tested_on_what_training_holds_out(
    regression: Config, columns: Path, cache: Path
) -> None:
    data = _columns(kind="regression", quantities=PITCH, fold="", validation=0.25)
    config = replace(regression, data=data, seed=5)
    found = measure_baseline(config, columns, cache, "mean")
    split = split_clips(read_clips(columns, data), test_fold=None, validation=0.25, seed=5)
    trained, tested = ([clip.values["octave"] for clip in side] for side in (split.train, split.validation))
    assert [(fold["fold"], fold["clips"]) for fold in found["folds"]] == [("validation", len(tested))]
    assert found["summary"]["mae"]["mean"] == pytest.approx(np.abs(np.array(tested) - np.mean(trained)).mean())
    assert "| 5 | validation |" in "".join(table(found))
    with pytest.raises(ConfigError, match=r"^a baseline needs clips to test on: .* or set data\.validation above 0"):
        measure_baseline(replace(config, data=replace(data, validation=0.0)), columns, cache, "mean")


def test_with_folds_it_learns_from_validation_clips_too(regression: Config, columns: Path, cache: Path) -> None:
    held_out = replace(regression, data=replace(regression.data, validation=0.25))
    whole = replace(regression, data=replace(regression.data, validation=0.0))
    assert summary(held_out, columns, cache, "mean") == summary(whole, columns, cache, "mean")


def test_levels_make_no_difference(data: Path) -> None:
    sound = np.random.default_rng(0).standard_normal(22_050).astype(np.float32)
    np.testing.assert_allclose(mfcc_statistics(sound), mfcc_statistics(0.01 * sound), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(log_mel(sound), log_mel(0.01 * sound), rtol=1e-3, atol=1e-3)
    assert np.isfinite(mfcc_statistics(sound[:3000])).all()  # shorter than the deltas reach


@pytest.mark.parametrize(
    ("kind", "kinds"), [("mfcc-svm", "single_label or binary"), ("mfcc-ridge", "multi_label or regression")]
)
def test_a_task_it_cannot_do_is_said(
    config: Config, regression: Config, columns: Path, cache: Path, kind: str, kinds: str
) -> None:
    wrong = regression if kind == "mfcc-svm" else config
    with pytest.raises(ConfigError, match=rf"^{kind} needs data\.kind = {kinds}, got '{wrong.data.kind}'"):
        measure_baseline(wrong, columns, cache, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_baselines_are_for_sound(columns: Path, cache: Path, kind: str) -> None:
    image = Config(
        name="x", input=ImageSpec(height=8, width=8), model=ModelConfig("lenet-5"), augment=VisualAugmentConfig()
    )
    with pytest.raises(ConfigError, match=r"need input\.media = 'audio', got 'image'"):
        measure_baseline(image, columns, cache, kind)


def test_ridge_needs_two_groups(regression: Config, columns: Path, cache: Path) -> None:
    lines = (columns / "columns.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    for row in rows[1:]:
        row[3] = "tested" if row[2] == "0" else "one"
    (columns / "one-group.csv").write_text("\n".join(",".join(row) for row in rows if row[2] != "2"))
    config = replace(regression, data=replace(regression.data, manifest="one-group.csv"))
    with pytest.raises(ConfigError, match="mfcc-ridge needs training clips of at least 2 groups"):
        measure_baseline(config, columns, cache, "mfcc-ridge")
