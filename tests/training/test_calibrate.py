"""What is fitted to answers that were kept, that it is never measured on them, and the command."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from audiocnn import Classifier
from audiocnn.checkpoint import ONNX, WEIGHTS, read_spec
from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN, Quantity, TaskSpec
from tests.conftest import tiny_spec, write_model
from training.answers import ANSWERS, Answered, joined
from training.calibrate import (
    HeldOut,
    best_threshold,
    calibrate,
    fit,
    lowest_score,
    on_crossval,
    on_validation,
)
from training.cli import commands
from training.cli import main as run_main
from training.config import load_config
from training.data.manifest import read_clips
from training.data.split import split_clips
from training.metrics import mean_loss
from training.reliability import decisions

ONE = TaskSpec("single_label", ("high", "low"))
TAGS = TaskSpec("multi_label", ("a", "b", "c"))
BINARY = TaskSpec("binary", ("no", "yes"))


def answered(logits: NDArray[np.float64], windows: int = 1, **targets: NDArray[np.float64]) -> Answered:
    """Clips of so many windows each."""
    clips = len(logits) // windows
    return Answered(
        clips=[f"{i}.wav" for i in range(clips)],
        groups=[""] * clips,
        windows=np.full(clips, windows),
        logits=logits.astype(np.float32),
        starts_s=np.zeros(len(logits)),
        targets={MAIN if name == "main" else name: values for name, values in targets.items()},
    )


def drawn(task: TaskSpec, clips: int, temperature: float, seed: int = 0) -> Answered:
    """Targets drawn by their scores at `temperature`: it is what the logits have to be divided by."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (clips, 1 if task.kind == "binary" else len(task.labels)))
    if task.kind == "single_label":
        scores = np.exp(logits / temperature)
        scores /= scores.sum(axis=1, keepdims=True)
        targets = np.eye(len(task.labels))[[random.choice(len(row), p=row) for row in scores]]
    else:
        targets = (random.random(logits.shape) < 1 / (1 + np.exp(-logits / temperature))).astype(float)
    if task.kind == "binary":
        targets = np.concatenate([1 - targets, targets], axis=1)
    return answered(logits, main=targets)


class TestTemperature:
    @pytest.mark.parametrize("task", [ONE, TAGS, BINARY])
    @pytest.mark.parametrize("temperature", [0.5, 2.5])
    def test_is_found_again(self, task: TaskSpec, temperature: float) -> None:
        assert fit(task, drawn(task, 4000, temperature)).temperature == pytest.approx(temperature, rel=0.08)

    def test_is_about_the_mean_of_windows_scores(self) -> None:
        """Two windows that contradict each other: their mean logit says nothing, their mean score stays at 0.5."""
        logits = np.tile([[4.0, 0.0], [0.0, 4.0], [4.0, 0.0], [4.0, 0.0]], (50, 1))
        targets = np.tile([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], (25, 1))
        kept = answered(logits, windows=2, main=targets)
        found = fit(ONE, kept)

        def loss(temperature: float) -> float:
            return mean_loss(kept.scores({MAIN: replace(ONE, temperature=temperature)})[MAIN], targets, ONE)

        assert loss(found.temperature) <= min(loss(t) for t in np.geomspace(0.06, 19, 400).tolist()) + 1e-5

    def test_silent_clips_say_nothing(self) -> None:
        kept = drawn(ONE, 1000, 2.5)
        silent = Answered(
            ["quiet"], [""], np.array([0]), np.zeros((0, 2), np.float32), np.zeros(0), {MAIN: np.eye(2)[:1]}
        )
        quiet = joined([kept, silent])
        assert fit(ONE, quiet) == fit(ONE, kept)
        with pytest.raises(ConfigError, match="needs clips that are heard, all of these are silent"):
            fit(ONE, quiet.take(quiet.windows == 0))


class TestThresholds:
    @pytest.mark.parametrize(
        ("scores", "truth", "threshold"),
        [
            ([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], 0.25),
            ([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1], 0.15),
            ([0.6, 0.7], [1, 1], 0.3),  # all: between 0 and the lowest
            ([0.6, 0.7], [0, 0], 0.5),
            ([0.2, 0.2, 0.2, 0.9], [1, 0, 0, 1], 0.55),  # equal scores stay together
        ],
    )
    def test_best_f1(self, scores: list[float], truth: list[int], threshold: float) -> None:
        assert best_threshold(np.array(scores), np.array(truth, float)) == pytest.approx(threshold)

    def test_no_other_is_better(self) -> None:
        random = np.random.default_rng(1)
        truth = (random.random(300) < 0.2).astype(float)
        scores = (0.3 * truth + 0.5 * random.random(300)).round(2)

        def f1(threshold: float) -> float:
            decided = scores >= threshold
            return float(2 * (decided * truth).sum() / (decided.sum() + truth.sum()))

        assert f1(best_threshold(scores, truth)) == pytest.approx(max(f1(t) for t in np.linspace(0, 1, 1001)))

    def test_each_label_has_its_own_unless_labels_are_shares(self) -> None:
        kept = drawn(TAGS, 300, 1.0)
        assert len(fit(TAGS, kept).thresholds) == 3
        soft = replace(kept, targets={MAIN: 0.25 + kept.targets[MAIN] / 2})
        assert fit(TAGS, soft).thresholds == ()
        assert fit(TAGS, soft).temperature > 1.2 * fit(TAGS, kept).temperature


class TestUnknown:
    SCORES = np.array([0.9, 0.8, 0.7, 0.6])

    @pytest.mark.parametrize(
        ("right", "accuracy", "score"),
        [
            ([1, 1, 1, 1], 0.9, 0.0),
            ([1, 1, 1, 0], 0.75, 0.0),
            ([1, 1, 1, 0], 0.9, 0.65),
            ([1, 0, 1, 0], 0.9, 0.85),
            ([1, 0, 1, 0], 0.6, 0.65),
        ],
    )
    def test_as_many_as_possible_are_answered(self, right: list[int], accuracy: float, score: float) -> None:
        assert lowest_score(self.SCORES, np.array(right, bool), accuracy) == pytest.approx(score)

    def test_out_of_reach(self) -> None:
        with pytest.raises(
            ConfigError, match=r"^an accuracy of 0\.9 is out of reach: the surest clips are 0\.667 right; ask"
        ):
            lowest_score(self.SCORES, np.array([False, True, True, False]), 0.9)

    def test_only_if_asked(self) -> None:
        kept = drawn(ONE, 500, 1.0)
        assert fit(ONE, kept).unknown_below == 0
        assert fit(ONE, kept, accuracy=0.97).unknown_below > 0.6


@pytest.fixture
def model(tmp_path: Path) -> Path:
    side = {"tags": TAGS, "tempo": TaskSpec("regression", ("bpm",), (Quantity("BPM"),))}
    return write_model(tmp_path / "model", tiny_spec(task=ONE, side_tasks=side))


def held_out(clips: int = 600, parts: int = 3) -> HeldOut:
    one, tags = drawn(ONE, clips, 2.0), drawn(TAGS, clips, 1.0, seed=1)
    logits = np.concatenate([one.logits, tags.logits, np.zeros((clips, 1))], axis=1)
    targets = {"main": one.targets[MAIN], "tags": tags.targets[MAIN], "tempo": np.zeros((clips, 1))}
    return HeldOut(answered(logits, **targets), np.arange(clips) % parts, "cross-validation")


class TestCalibrate:
    def test_tasks_are_fitted_and_written_and_the_network_stays(self, model: Path) -> None:
        files = [(model / name).read_bytes() for name in (WEIGHTS, ONNX)]
        before = read_spec(model)
        report = calibrate(model, held_out(), accuracy=0.95)
        spec = read_spec(model)
        assert [(model / name).read_bytes() for name in (WEIGHTS, ONNX)] == files
        assert replace(spec, task=before.task, side_tasks=before.side_tasks, metrics=before.metrics) == before
        assert spec.task.temperature == report["temperature"] == pytest.approx(2.0, rel=0.2)
        assert spec.task.unknown_below == report["unknown_below"] > 0.5
        assert spec.side_tasks["tags"].thresholds == tuple(report["side"]["tags"]["thresholds"])
        assert spec.side_tasks["tempo"] == before.side_tasks["tempo"]
        assert (report["clips"], report["on"]) == (600, "cross-validation")
        assert report["after"]["ece"] < report["before"]["ece"] / 2
        assert report["after"]["loss"] < report["before"]["loss"]
        assert report["after"]["accuracy_answered"] == pytest.approx(0.95, abs=0.03)
        stored = spec.metrics["calibration"]
        assert stored["after"]["ece"] == pytest.approx(report["after"]["ece"], abs=1e-4)
        assert "coverage_accuracy" not in stored["after"]
        Classifier.load(model).warm_up()

    def test_the_accuracy_asked_for_is_the_main_tasks(self, tmp_path: Path) -> None:
        """A side task that never reaches it is calibrated all the same."""
        model = write_model(tmp_path / "two", tiny_spec(task=ONE, side_tasks={"guess": ONE}), onnx=False)
        main = drawn(ONE, 400, 1.0)
        guesses = np.eye(2)[np.random.default_rng(5).integers(2, size=400)]
        kept = answered(np.hstack([main.logits, np.zeros((400, 2))]), main=main.targets[MAIN], guess=guesses)
        report = calibrate(model, HeldOut(kept, np.arange(400) % 2, "x"), accuracy=0.95)
        assert report["unknown_below"] == read_spec(model).task.unknown_below > 0.5
        assert "unknown_below" not in report["side"]["guess"]

    @pytest.mark.parametrize("task", [BINARY, TAGS, TaskSpec("regression", ("bpm",), (Quantity("BPM"),))])
    def test_an_accuracy_is_for_a_single_label(self, tmp_path: Path, task: TaskSpec) -> None:
        model = write_model(tmp_path / "other", tiny_spec(task=task), onnx=False)
        kept = drawn(task, 20, 1.0) if task.kind != "regression" else answered(np.zeros((20, 1)), main=np.ones((20, 1)))
        expected = (
            rf"^an accuracy to reach, here 0\.9, is for data\.kind = 'single_label'.* is '{task.kind}': leave out"
        )
        with pytest.raises(ConfigError, match=expected):
            calibrate(model, HeldOut(kept, np.arange(20) % 2, "x"), accuracy=0.9)
        assert read_spec(model).metrics == tiny_spec(task=task).metrics
        recipe = tmp_path / "x.toml"
        recipe.write_text(
            'name = "x"\ninput = {sample_rate = 8000, window = 80, hop = 80}\nmodel = {architecture = "m5"}\n'
        )
        done = CliRunner().invoke(commands, ["calibrate", str(recipe), "--model", str(model), "--accuracy", "0.9"])
        assert re.match(expected, str(done.exception))  # and not about clips, which are missing as well

    def test_each_task_is_fitted_to_its_own_outputs(self, model: Path) -> None:
        kept = held_out(clips=10).answered
        tags = kept.only("tags", read_spec(model).tasks)
        np.testing.assert_array_equal(tags.logits, kept.logits[:, 2:5])
        np.testing.assert_array_equal(tags.targets[MAIN], kept.targets["tags"])

    def test_once_more_gives_the_same(self, model: Path) -> None:
        first = calibrate(model, held_out(), accuracy=0.95)
        assert calibrate(model, held_out(), accuracy=0.95) == first

    def test_nothing_is_measured_on_what_it_was_fitted_to(self, tmp_path: Path) -> None:
        """Two parts that need opposite temperatures: each is measured with the other's."""
        model = write_model(tmp_path / "plain", tiny_spec(task=ONE), onnx=False)
        cold, warm = drawn(ONE, 500, 0.4), drawn(ONE, 500, 4.0, seed=1)
        report = calibrate(model, HeldOut(joined([cold, warm]), np.repeat([0, 1], 500), "x"), None)
        crossed = [part.scores({MAIN: fit(ONE, other)})[MAIN] for part, other in ((cold, warm), (warm, cold))]
        targets = np.concatenate([cold.targets[MAIN], warm.targets[MAIN]])
        assert report["after"]["loss"] == pytest.approx(mean_loss(np.concatenate(crossed), targets, ONE))
        assert report["after"]["loss"] > report["before"]["loss"]

    def test_thresholds_are_those_of_the_other_parts_too(self, model: Path) -> None:
        kept = held_out(clips=40, parts=4)
        tasks = read_spec(model).tasks
        report = calibrate(model, kept, None)["side"]["tags"]
        tags = kept.answered.only("tags", tasks)
        found = np.zeros((40, 3), np.bool_)
        for part in range(4):
            own = fit(TAGS, tags.take(kept.parts != part))
            found[kept.parts == part] = decisions(tags.take(kept.parts == part).scores({MAIN: own})[MAIN], own)
        expected = f1_score(tags.targets[MAIN].astype(bool), found, average="macro", zero_division=0)
        assert report["after"]["macro_f1"] == pytest.approx(expected)
        assert len(report["thresholds"]) == 3

    def test_answers_of_another_recipe_are_refused(self, model: Path) -> None:
        other = answered(np.zeros((4, 2)), main=np.eye(2)[[0, 1, 0, 1]])
        with pytest.raises(
            ConfigError, match=r"^the answers have 2 outputs for tasks .*, the model 6 for .*; take those of the"
        ):
            calibrate(model, HeldOut(other, np.arange(4) % 2, "x"), None)


class TestCrossval:
    def written(self, folder: Path, folds: int = 3) -> Path:
        kept = held_out(parts=folds)
        for fold in range(folds):
            (folder / f"seed-0-fold-{fold}").mkdir(parents=True)
            kept.answered.take(kept.parts == fold).save(folder / f"seed-0-fold-{fold}" / ANSWERS)
        path = folder / "crossval.json"
        path.write_text(json.dumps({"folds": [{"seed": 0, "fold": str(fold)} for fold in range(folds)]}))
        return path

    def test_its_answers_are_read_back_fold_by_fold(self, tmp_path: Path) -> None:
        found, kept = on_crossval(self.written(tmp_path / "run")), held_out()
        order = np.argsort(kept.parts, kind="stable")
        np.testing.assert_array_equal(found.answered.logits, kept.answered.logits[order])
        np.testing.assert_array_equal(found.parts, kept.parts[order])
        assert found.answered.clips == [kept.answered.clips[i] for i in order]

    def test_the_command(self, tmp_path: Path, model: Path) -> None:
        recipe = tmp_path / "x.toml"
        recipe.write_text(
            'name = "x"\ninput = {sample_rate = 8000, window = 80, hop = 80}\nmodel = {architecture = "m5"}\n'
        )
        run = self.written(tmp_path / "run")
        done = CliRunner().invoke(
            commands, ["calibrate", str(recipe), "--model", str(model), "--crossval", str(run), "--accuracy", "0.95"]
        )
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["temperature"] == read_spec(model).task.temperature

    def test_what_is_missing_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"crossval\.json is not a cross-validation's crossval\.json: "):
            on_crossval(tmp_path / "crossval.json")
        path = self.written(tmp_path / "run")
        (tmp_path / "run" / "seed-0-fold-1" / ANSWERS).unlink()
        with pytest.raises(ConfigError, match=r"seed-0-fold-1.*answers\.npz holds no answers of a cross-validation"):
            on_crossval(path)
        path.write_text(json.dumps({"folds": [{"seed": 0, "fold": "0"}]}))
        with pytest.raises(ConfigError, match=r"^calibration needs answers for at least 2 folds, .* has 0$"):
            on_crossval(path)


class TestValidation:
    def recipe(self, folder: Path, data: Path, validation: float) -> Path:
        path = folder / "x.toml"
        path.write_text(
            f'name = "x"\n[data]\nroot = "{data}"\nmanifest = "clips.csv"\ngroup = "artist"\n'
            f"validation = {validation}\n"
            '[input]\nsample_rate = 16000\nwindow = 8000\nhop = 4000\n[model]\narchitecture = "filterbank-resnet"\n'
        )
        return path

    def test_the_models_own_validation_clips(self, data: Path, tmp_path: Path) -> None:
        directory = write_model(tmp_path / "plain", tiny_spec(task=ONE))
        recipe = self.recipe(tmp_path, data, 0.5)
        done = CliRunner().invoke(commands, ["calibrate", str(recipe), "--model", str(directory)])
        assert done.exit_code == 0, done.output
        report = json.loads(done.stdout)
        assert report["on"] == "validation"
        assert 8 <= report["clips"] <= 16
        assert read_spec(directory).task.temperature == report["temperature"]

    def test_they_are_those_of_the_models_own_training(self, data: Path, tmp_path: Path) -> None:
        """Whatever seed and share the recipe says now: another split would have clips that the model learned from."""
        recipe = load_config(self.recipe(tmp_path, data, 0.5))
        clips = read_clips(data, recipe.data)
        for seed in (1, 2):
            trained = {"recipe": {"seed": seed, "data": {"validation": 0.25}}, "test_fold": None}
            model = write_model(tmp_path / f"{seed}", tiny_spec(task=ONE, training=trained))
            split = split_clips(clips, test_fold=None, validation=0.25, seed=seed)
            found = on_validation(recipe, data, model).answered.clips
            assert found == [clip.path.relative_to(data).as_posix() for clip in split.validation]

    def test_without_any_the_way_out_is_told(
        self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        directory = write_model(tmp_path / "plain", tiny_spec(task=ONE), onnx=False)
        recipe = self.recipe(tmp_path, data, 0.0)
        monkeypatch.setattr("sys.argv", ["training", "calibrate", str(recipe), "--model", str(directory)])
        with pytest.raises(SystemExit, match="2"):
            run_main()
        assert "data.validation = 0 leaves none; take the answers of a cross-validation" in capsys.readouterr().err
