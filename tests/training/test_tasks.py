"""Binary and regression tasks in training: from the manifest to a published model."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiocnn import Classifier, Estimate
from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError
from audiocnn.export import export_onnx
from audiocnn.spec import Quantity, TaskSpec
from training.config import Config, DataConfig, QuantityConfig, load_config
from training.data.manifest import Clip, read_clips
from training.data.targets import targets_of, task_of
from training.distributed import Process
from training.evaluate import predict
from training.loop import train
from training.metrics import measure, over_folds
from training.publish import publish

ALONE = Process(rank=0, world_size=1, device=torch.device("cpu"))
OCTAVES = {"octave": QuantityConfig("octaves", (-1.0, 4.0))}


@pytest.fixture(scope="module")
def pitched(data: Path) -> Path:
    """The clips of `data` with their pitch above 220 Hz, in octaves, and how loud they are."""
    with (data / "pitch.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "octave", "level", "fold"])
        for label, base in (("high", 1760.0), ("low", 220.0)):
            for i in range(12):
                octave = float(np.log2(base * (1 + 0.02 * i) / 220))
                rows.writerow([f"{label}/{i}.wav", octave, 0.3 + i, i % 3])
    return data


@pytest.fixture
def regression(config: Config) -> Config:
    return replace(
        config,
        data=DataConfig(manifest="pitch.csv", fold="fold", kind="regression", quantities=OCTAVES, validation=0.25),
        train=replace(config.train, epochs=20, lr=0.01, mixup=0.0),
    )


@pytest.fixture
def binary(config: Config) -> Config:
    return replace(config, data=replace(config.data, kind="binary", positive="high"))


def run(config: Config, data: Path, folder: Path, fold: str | None = None) -> Path:
    model = train(config, data, folder, folder.parent / "cache", ALONE, fold)
    export_onnx(model)
    return model


def of_fold(config: Config, data: Path, fold: str) -> list[Clip]:
    return [clip for clip in read_clips(data, config.data) if clip.fold == fold]


class TestRuns:
    def test_a_regression_learns_a_number_and_is_published(
        self, regression: Config, pitched: Path, tmp_path: Path
    ) -> None:
        model = run(regression, pitched, tmp_path / "run", fold="0")
        spec = read_spec(model)
        (quantity,) = spec.task.quantities
        assert (spec.task.kind, spec.task.labels) == ("regression", ("octave",))
        assert (quantity.unit, quantity.low, quantity.high) == ("octaves", -1.0, 4.0)
        recorded = spec.training["recipe"]["data"]["quantities"]["octave"]
        assert (recorded["unit"], recorded["range"]) == ("octaves", [-1.0, 4.0])
        values, targets, task = predict(model, of_fold(regression, pitched, "0"))
        metrics = measure(values, targets, task, {})
        assert metrics["mae"] < 0.6  # the two notes are three octaves apart
        assert metrics["r2"] > 0.8
        stored = spec.metrics["validation"]
        assert {"loss", "mae", "rmse", "r2"} <= set(stored)
        results = {"labels": ["octave"], "folds": [1], "summary": {"mae": {"mean": 0.12345, "deviation": 0.0}}}
        (tmp_path / "crossval.json").write_text(json.dumps(results))
        publish(model, tmp_path / "out", "1", tmp_path / "crossval.json")
        (answer,) = Classifier.load(tmp_path / "out").classify(pitched / "high" / "1.wav").predictions
        assert isinstance(answer, Estimate)
        assert (answer.label, answer.unit) == ("octave", "octaves")
        assert answer.value == pytest.approx(3.03, abs=0.8)

    def test_a_binary_task_has_one_output_and_learns(self, binary: Config, data: Path, tmp_path: Path) -> None:
        binary = replace(binary, train=replace(binary.train, epochs=12))
        model = run(binary, data, tmp_path / "run", fold="0")
        spec = read_spec(model)
        assert spec.task == TaskSpec("binary", ("low", "high"))
        metrics = measure(*predict(model, of_fold(binary, data, "0")), {})
        assert metrics["roc_auc"] == 1.0
        assert metrics["accuracy"] > 0.7
        best = Classifier.load(model).classify(data / "high" / "3.wav").predictions[0]
        assert best.label == "high"

    def test_silence_is_answered_with_the_mean(self, regression: Config, pitched: Path, tmp_path: Path) -> None:
        model = run(replace(regression, train=replace(regression.train, epochs=1)), pitched, tmp_path / "run")
        quiet = tmp_path / "quiet.wav"
        soundfile.write(quiet, np.zeros(8000), 8000)
        values, _, task = predict(model, [Clip(quiet, (), values={"octave": 1.0})])
        assert values.tolist() == [[task.quantities[0].mean]]


class TestTargets:
    CLIPS = (
        Clip(Path("a"), (), values={"tempo": 100.0, "swing": 0.5}),
        Clip(Path("b"), (), values={"tempo": 140.0, "swing": 0.1}),
        Clip(Path("c"), (), values={"tempo": 900.0, "swing": 0.2}),
    )
    QUANTITIES = {"tempo": QuantityConfig("BPM", (0.0, 1000.0)), "swing": QuantityConfig()}  # noqa: RUF012
    CONFIG = DataConfig(manifest="x.csv", kind="regression", quantities=QUANTITIES)

    def test_mean_and_deviation_are_of_the_training_clips(self) -> None:
        task = task_of(self.CONFIG, self.CLIPS, self.CLIPS[:2])
        assert task.labels == ("tempo", "swing")
        assert task.quantities[0] == Quantity("BPM", 0.0, 1000.0, 120.0, 20.0)
        assert (task.quantities[1].unit, task.quantities[1].low) == ("", None)
        assert targets_of(self.CLIPS, task).tolist() == [[100, 0.5], [140, 0.1], [900, 0.2]]

    def test_a_quantity_that_never_changes_teaches_nothing(self) -> None:
        with pytest.raises(ConfigError, match=r"^data\.quantities\.tempo is 100 in all clips to train on: nothing to"):
            task_of(self.CONFIG, self.CLIPS, self.CLIPS[:1])

    def test_clips_without_the_quantity_are_refused(self) -> None:
        task = TaskSpec("regression", ("key",), (Quantity(""),))
        with pytest.raises(ConfigError, match=r"^the clips have no 'key', which the model answers; name it in data\."):
            targets_of(self.CLIPS, task)

    @pytest.mark.parametrize("positive", ["ill", "fit"])
    def test_the_positive_label_comes_second(self, positive: str) -> None:
        clips = [Clip(Path("a"), ("ill",)), Clip(Path("b"), ("fit",))]
        task = task_of(DataConfig(kind="binary", positive=positive), clips, clips)
        assert task.labels == (({"ill", "fit"} - {positive}).pop(), positive)
        assert targets_of(clips, task)[:, 1].tolist() == [float(positive == "ill"), float(positive == "fit")]


class TestManifest:
    @pytest.mark.parametrize(
        ("octave", "text"),
        [
            ("loud", r"^row 1 of .*\.csv must have a number from -1 to 4 as octave, it has 'loud'$"),
            ("", r"a number from -1 to 4 as octave, it has ''$"),
            ("nan", r"a number from -1 to 4 as octave, it has 'nan'$"),
            ("4.01", r"a number from -1 to 4 as octave, it has '4\.01'$"),
        ],
    )
    def test_numbers_must_be_legal(self, data: Path, tmp_path: Path, octave: str, text: str) -> None:
        (tmp_path / "a.wav").touch()
        (tmp_path / "clips.csv").write_text(f"path,octave\na.wav,{octave}\n")
        with pytest.raises(ConfigError, match=text):
            read_clips(tmp_path, DataConfig(manifest="clips.csv", kind="regression", quantities=OCTAVES))

    def test_without_a_range_any_finite_number_is_legal(self, tmp_path: Path) -> None:
        config = DataConfig(manifest="clips.jsonl", kind="regression", quantities={"x": QuantityConfig()})
        (tmp_path / "a.wav").touch()
        (tmp_path / "clips.jsonl").write_text('{"path": "a.wav", "x": -1e300}\n')
        assert read_clips(tmp_path, config)[0].values == {"x": -1e300}
        (tmp_path / "clips.jsonl").write_text('{"path": "a.wav", "x": 1e999}\n')
        with pytest.raises(ConfigError, match=r"must have a finite number as x, it has inf$"):
            read_clips(tmp_path, config)
        (tmp_path / "clips.jsonl").write_text('{"path": "a.wav", "y": 1}\n')
        with pytest.raises(ConfigError, match=r"has no column 'x'; it has path, y$"):
            read_clips(tmp_path, config)

    def test_a_binary_task_needs_its_two_labels(self, binary: Config, data: Path) -> None:
        with pytest.raises(ConfigError, match=r"data\.positive = 'loud' and one other, the clips have high, low$"):
            read_clips(data, replace(binary.data, positive="loud"))


BASE = 'name = "x"\n[input]\nsample_rate = 8000\nwindow = 8000\nhop = 4000\n[model]\narchitecture = "m5"\n[data]\n'


class TestConfig:
    def test_quantities_are_sections_of_their_own(self, tmp_path: Path) -> None:
        path = tmp_path / "run.toml"
        path.write_text(
            BASE
            + 'manifest = "x.csv"\nkind = "regression"\n[data.quantities.tempo]\nunit = "BPM"\nrange = [20.0, 300.0]\n'
            "[data.quantities.swing]\n"
        )
        config = load_config(path)
        assert config.data.quantities == {"tempo": QuantityConfig("BPM", (20.0, 300.0)), "swing": QuantityConfig()}
        assert json.dumps(config.to_json())

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('kind = "binary"', r"^data\.positive must name the label of yes for data\.kind = 'binary' .*, got ''"),
            ('positive = "yes"', r"^data\.positive must .* left out for others, got 'yes' for 'single_label'$"),
            ('kind = "regression"', r"^data\.quantities must name columns of numbers .*, got none for 'regression'$"),
            ("[data.quantities.x]", r"^data\.quantities must .* left out for others, got x for 'single_label'$"),
            ('kind = "regression"\n[data.quantities.x]', r"^data\.manifest must name the file with the columns"),
            ("quantities = 3", r"^data\.quantities must be a section of names and values, got 3$"),
            ("[data.quantities]\nx = 3", r"^data\.quantities\.x must be a section of names and values, got 3$"),
            (
                "[data.quantities.x]\nunits = 3",
                r"^\[data\.quantities\.x\] has unknown keys units; known: bins, follows_speed, range, scale,",
            ),
            ("[data.quantities.x]\nrange = [3.0, 3.0]", r"^range must be \[\] or \[lowest, highest\] legal value, got"),
            (
                '[data.quantities.x]\nscale = "log"\nrange = [0.0, 3.0]',
                r"^range must be of values above 0 for scale = 'log', got \(0\.0, 3\.0\)$",
            ),
            (
                '[data.quantities.x]\nscale = "mel"',
                r"^data\.quantities\.x\.scale must be one of linear, log, got 'mel'$",
            ),
            ("[data.quantities.x]\nbins = 1", r"^bins must be 0 or at least 2, got 1$"),
            (
                "[data.quantities.x]\nbins = 8",
                r"^range must be \[lowest, highest\] legal value for bins = 8, got \[\]$",
            ),
            ("[data.quantities.x]\ntolerance = 1.0", r"^tolerance must be a share from 0 to below 1, got 1\.0$"),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "run.toml"
        path.write_text(BASE + text + "\n")
        with pytest.raises(ConfigError, match=message):
            load_config(path)


class TestMetrics:
    TASK = TaskSpec("regression", ("tempo",), (Quantity("BPM", mean=100, deviation=20),))

    def test_regression_by_hand(self) -> None:
        values, targets = np.array([[100.0], [110], [90]]), np.array([[100.0], [120], [80]])
        metrics = measure(values, targets, self.TASK, {})
        assert metrics == pytest.approx(
            {"clips": 3, "loss": (0 + 0.25 + 0.25) / 3, "mae": 20 / 3, "rmse": np.sqrt(200 / 3), "r2": 1 - 200 / 800}
        )

    def test_each_of_several_quantities_has_its_own(self) -> None:
        task = TaskSpec("regression", ("tempo", "swing"), (Quantity("BPM", deviation=10), Quantity("", deviation=0.1)))
        metrics = measure(np.array([[100.0, 0.5], [110, 0.3]]), np.array([[110.0, 0.5], [110, 0.5]]), task, {})
        assert metrics == pytest.approx(
            {"clips": 2, "loss": (1 + 0 + 0 + 4) / 4, "mae tempo": 5, "rmse tempo": np.sqrt(50), "mae swing": 0.1,
             "rmse swing": np.sqrt(0.02)}
        )  # fmt: skip

    def test_binary_by_hand(self) -> None:
        positive = np.array([0.9, 0.6, 0.4, 0.1])
        truth = np.array([1.0, 0, 1, 0])
        task = TaskSpec("binary", ("no", "yes"))
        metrics = measure(np.stack([1 - positive, positive], 1), np.stack([1 - truth, truth], 1), task, {})
        assert metrics.pop("confusion") == [[1, 1], [1, 1]]
        assert metrics == pytest.approx(
            {"clips": 4, "accuracy": 0.5, "f1": 0.5, "roc_auc": 0.75, "average_precision": (1 + 2 / 3) / 2,
             "loss": -np.log([0.9, 0.4, 0.4, 0.9]).mean()}
        )  # fmt: skip

    def test_one_label_alone_has_no_roc_and_certainty_no_infinite_loss(self) -> None:
        truth = np.array([[0.0, 1.0]])
        metrics = measure(np.array([[1.0, 0.0]]), truth, TaskSpec("binary", ("no", "yes")), {})
        assert set(metrics) == {"clips", "accuracy", "f1", "loss", "confusion"}
        assert np.isfinite(metrics["loss"])

    def test_folds_are_averaged_over_what_all_of_them_have(self) -> None:
        folds = [{"clips": 3, "mae": 1.0, "r2": 0.5, "confusion": [[1]]}, {"clips": 3, "mae": 2.0, "confusion": [[1]]}]
        assert over_folds(folds) == {"mae": {"mean": 1.5, "deviation": 0.5}}
