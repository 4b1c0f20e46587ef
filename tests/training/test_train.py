"""Whole runs: learning, repeating, resuming, stopping early, several processes, and the commands."""

import inspect
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from audiocnn import models
from audiocnn.checkpoint import WEIGHTS, read_spec
from audiocnn.errors import CheckpointError, ConfigError
from audiocnn.export import export_onnx
from audiocnn.inference.classifier import Classifier
from audiocnn.spec import MAIN, ModelSpec, TaskSpec
from tests.conftest import tiny_spec
from tests.training.conftest import ALONE, ROOT, SAMPLE_RATE
from training import loop
from training.answers import Answered
from training.cli import commands
from training.cli import measure as measure_commands
from training.config import Config, DataConfig, ModelConfig
from training.crossval import cross_validate
from training.data.manifest import Clip, Truth, read_clips
from training.evaluate import predict
from training.loop import train
from training.metrics import measure
from training.publish import publish
from training.robustness import CHANGES
from training.setup import check_architecture, prepare
from training.state import STATE
from training.step import Step


def run(config: Config, data: Path, folder: Path, fold: str | None = None) -> Path:
    return train(config, data, folder, folder.parent / "cache", ALONE, fold)


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_and_answers_for_a_fold_it_never_saw(
    with_train: Callable[..., Config], data: Path, tmp_path: Path
) -> None:
    config = with_train(epochs=24)
    model = run(config, data, tmp_path / "run", fold="0")
    export_onnx(model)
    tested = [clip for clip in read_clips(data, config.data) if clip.fold == "0"]
    scores, targets, task = predict(model, tested)
    assert measure(scores, targets, task, {})["accuracy"] == 1.0
    spec = read_spec(model)
    assert spec.training["clips"] == 16
    assert spec.training["recipe"]["train"]["epochs"] == 24
    assert spec.input == config.input
    losses = [row["train_loss"] for row in rows(tmp_path / "run")]
    assert losses[-1] < losses[0]
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_the_same_seed_gives_the_same_weights_and_another_does_not(config: Config, data: Path, tmp_path: Path) -> None:
    config = replace(config, train=replace(config.train, epochs=1))
    first, again, other = (
        load_file(run(c, data, tmp_path / name) / WEIGHTS)
        for name, c in (("a", config), ("b", config), ("c", replace(config, seed=1)))
    )
    for name, value in first.items():
        assert torch.equal(value, again[name]), name
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


def test_stopping_and_going_on_gives_the_weights_of_never_stopping(
    config: Config, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_file(run(config, data, tmp_path / "whole") / WEIGHTS)
    real_step, steps = Step.take, []

    def dying_step(*args: object) -> torch.Tensor:
        if len(steps) == 13:  # in the third epoch of six steps
            raise KeyboardInterrupt
        steps.append(args)
        return real_step(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Step, "take", dying_step)
    with pytest.raises(KeyboardInterrupt):
        run(config, data, tmp_path / "stopped")
    monkeypatch.setattr(Step, "take", real_step)
    assert len(rows(tmp_path / "stopped")) == 2
    resumed = load_file(run(config, data, tmp_path / "stopped") / WEIGHTS)
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name
    assert [row["epoch"] for row in rows(tmp_path / "stopped")] == [1, 2, 3]


def test_a_finished_run_is_not_trained_again(
    config: Config, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(config, train=replace(config.train, epochs=1))
    run(config, data, tmp_path / "run")
    assert "nothing to train" not in caplog.text
    monkeypatch.setattr(Step, "take", None)
    run(config, data, tmp_path / "run")
    assert f"{tmp_path / 'run'}: nothing to train, this run is complete" in caplog.messages


def swap_labels(data: Path) -> None:
    text = (data / "clips.csv").read_text()
    for before, after in ((",high,", ",?,"), (",low,", ",high,"), (",?,", ",low,")):
        text = text.replace(before, after)
    (data / "clips.csv").write_text(text)


def change_sound(data: Path) -> None:
    samples, rate = soundfile.read(data / "high" / "1.wav")
    soundfile.write(data / "high" / "1.wav", samples[::-1], rate, subtype="PCM_16")


def change_tag(data: Path) -> None:
    with (data / "low" / "0.wav").open("ab") as file:
        file.write(b"LIST\4\0\0\0INFO")


@pytest.mark.parametrize(("change", "same"), [(swap_labels, False), (change_sound, False), (change_tag, True)])
def test_a_run_does_not_go_on_with_other_labels_or_other_sound(
    change: Callable[[Path], None], same: bool, with_train: Callable[..., Config], data: Path, tmp_path: Path
) -> None:
    root, config = shutil.copytree(data, tmp_path / "clips"), with_train(epochs=1)
    run(config, root, tmp_path / "run")
    change(root)
    if same:
        run(config, root, tmp_path / "run")
        return
    with pytest.raises(CheckpointError, match="names, labels or values, and content are compared") as caught:
        run(config, root, tmp_path / "run")
    assert str(caught.value).startswith(f"{tmp_path / 'run'} holds a run with another configuration or other clips")


@pytest.mark.parametrize("side", ["train", "validation"])
def test_what_is_compared_is_every_answer_and_all_content_of_both_sides(
    side: str, config: Config, data: Path, tmp_path: Path
) -> None:
    held_out = replace(config.data, validation=0.25)
    setup = prepare(replace(config, data=held_out), data, tmp_path / "cache", ALONE, None)
    first, *others = getattr(setup.split, side)
    hashes = {setup.content_hash()}
    for changed in (
        replace(first, labels=("other",)),
        replace(first, values={"bpm": 100.0}),
        replace(first, values={"bpm": 100.5}),
        replace(first, side={"mood": Truth(("calm",))}),
        replace(first, side={"mood": Truth(values={"calm": 0.5})}),
        replace(first, path=others[-1].path),
    ):
        hashes.add(replace(setup, split=replace(setup.split, **{side: [changed, *others]})).content_hash())
    assert len(hashes) == 7
    again = [replace(clip, fold="9", group="other") for clip in setup.split.train]
    assert replace(setup, split=replace(setup.split, train=again)).content_hash() in hashes


def test_the_same_written_otherwise_may_go_on(
    config: Config, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a recipe file and `--set` may differ: a whole number for a share, and arguments in another order."""
    config = replace(config, train=replace(config.train, epochs=1, filter_lr=1.0))
    run(config, data, tmp_path / "run")
    monkeypatch.setattr(Step, "take", None)
    arguments = dict(reversed(config.model.arguments.items()))
    changed = replace(
        config, train=replace(config.train, filter_lr=1), model=replace(config.model, arguments=arguments)
    )
    run(changed, data, tmp_path / "run")


def test_another_configuration_may_not_go_on(config: Config, data: Path, tmp_path: Path) -> None:
    config = replace(config, train=replace(config.train, epochs=1))
    run(config, data, tmp_path / "run")
    with pytest.raises(CheckpointError, match="holds a run with another configuration"):
        run(replace(config, seed=5), data, tmp_path / "run")
    (tmp_path / "run" / STATE).write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="delete it to start again"):
        run(config, data, tmp_path / "run")


def test_it_stops_when_validation_no_longer_improves_and_keeps_the_best(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_train(epochs=20, patience=2)
    config = replace(config, data=replace(config.data, validation=0.25))
    losses = iter([0.9, 0.5, 0.7, 0.6, 0.1])
    monkeypatch.setattr(loop, "validate", lambda *_: {"loss": next(losses)})
    model = run(config, data, tmp_path / "run")
    assert [row["validation"]["loss"] for row in rows(tmp_path / "run")] == [0.9, 0.5, 0.7, 0.6]  # type: ignore[index]
    assert read_spec(model).training["epochs"] == 2
    assert read_spec(model).metrics == {"validation": {"loss": 0.5}}


def test_keeping_the_last_epoch_waits_for_no_better_one(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_train(epochs=3, patience=1, keep="last")
    config = replace(config, data=replace(config.data, validation=0.25))
    losses = iter([0.5, 0.9, 0.7])
    monkeypatch.setattr(loop, "validate", lambda *_: {"loss": next(losses)})
    model = run(config, data, tmp_path / "run")
    assert (read_spec(model).training["epochs"], read_spec(model).metrics) == (3, {"validation": {"loss": 0.7}})
    kept, averaged = load_file(model / WEIGHTS), load_file(tmp_path / "run" / STATE)
    assert all(torch.equal(value, averaged[f"ema.{name}"]) for name, value in kept.items())


def test_multi_label_training_gives_a_model_that_scores_each_label(config: Config, data: Path, tmp_path: Path) -> None:
    lines = ["path,label"]
    for label in ("high", "low"):
        lines += [f"{label}/{i}.wav,{label}{'|even' if i % 2 == 0 else ''}" for i in range(4)]
    (data / "several.csv").write_text("\n".join(lines))
    config = replace(
        config,
        data=replace(config.data, manifest="several.csv", fold="", group="", kind="multi_label"),
        train=replace(config.train, epochs=1),
    )
    model = run(config, data, tmp_path / "run")
    export_onnx(model)
    result = Classifier.load(model).classify(data / "high" / "0.wav")
    assert {p.label for p in result.predictions} == {"high", "low", "even"}


TOML = """
name = "notes"
[data]
manifest = "clips.csv"
fold = "fold"
group = "artist"
validation = 0.0
[input]
sample_rate = 8000
window = 4000
hop = 2000
[model]
architecture = "filterbank-resnet"
[model.arguments]
sample_rate = 8000
num_filters = 8
filter_length = 32
width = 8
[train]
epochs = 1
batch_size = 8
"""


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    (folder / "run.toml").write_text(TOML)
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )


def test_two_processes_train_one_model(data: Path, tmp_path: Path) -> None:
    launched = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "training")
    done = command(tmp_path, *launched, "train", "run.toml", "--data", str(data), "--device", "cpu", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "trained: runs/notes/model" in done.stdout
    assert len(rows(tmp_path / "runs" / "notes")) == 1
    assert Classifier.load(tmp_path / "runs" / "notes" / "model").classify(data / "low" / "3.wav").predictions


def test_cross_validation_trains_each_fold_and_reports_all_clips(data: Path, tmp_path: Path) -> None:
    done = command(tmp_path, "training", "crossval", "run.toml", "--data", str(data), "--jobs", "2", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "runs" / "notes-crossval" / "crossval.json").read_text())
    assert [fold["fold"] for fold in results["folds"]] == ["0", "1", "2"]
    assert len({row["clip"] for row in results["clips"]}) == 24
    accuracies = [fold["accuracy"] for fold in results["folds"]]
    assert results["summary"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert f"{np.mean(accuracies):.3f} ± {np.std(accuracies):.3f}" in done.stdout
    changed = command(tmp_path, "training", "robustness", "run.toml", "--data", str(data))
    assert changed.returncode == 0, changed.stderr
    by_name = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in changed.stdout.splitlines()[2:]}
    assert set(by_name) == set(CHANGES)
    assert by_name["as recorded"] == f"{np.mean(accuracies):.3f} ± {np.std(accuracies):.3f}"


def test_cross_validation_of_one_fold_with_another_setting(data: Path, tmp_path: Path) -> None:
    chosen = ("--folds", "2", "--set", "input.normalisation=peak", "--run", "peak")
    done = command(tmp_path, "training", "crossval", "run.toml", "--data", str(data), "--device", "cpu", *chosen)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "peak" / "crossval.json").read_text())
    assert [fold["fold"] for fold in results["folds"]] == ["2"]
    assert read_spec(tmp_path / "peak" / "seed-0-fold-2" / "model").input.normalisation == "peak"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes in /proc")
def test_the_trainings_of_a_killed_cross_validation_end_too(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(TOML)
    arguments = ("crossval", "run.toml", "--data", str(data), "--device", "cpu", "--set", "train.epochs=100000")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    output = tmp_path / "output"
    with output.open("w") as file:
        parent = subprocess.Popen(
            [sys.executable, "-m", "training", *arguments], cwd=tmp_path, env=environment, stdout=file, stderr=file
        )
    try:
        run = tmp_path / "runs" / "notes-crossval" / "seed-0-fold-0" / "metrics.jsonl"
        wait_until(run.exists, 300, output)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        assert children
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), 60, output)


def wait_until(true: Callable[[], bool], seconds: float, output: Path) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)


def test_the_baseline_runs_on_the_same_folds(data: Path, tmp_path: Path) -> None:
    done = command(tmp_path, "training", "baseline", "run.toml", "--data", str(data))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["accuracy"]["mean"] == 1.0


def test_publishing_adds_version_and_measured_quality(config: Config, data: Path, tmp_path: Path) -> None:
    model = run(replace(config, train=replace(config.train, epochs=1)), data, tmp_path / "run")
    results = {"labels": ["high", "low"], "folds": [1, 2], "summary": {"accuracy": {"mean": 0.87654, "deviation": 0.1}}}
    (tmp_path / "crossval.json").write_text(json.dumps(results))
    publish(model, tmp_path / "out", "3", tmp_path / "crossval.json")
    spec = read_spec(tmp_path / "out")
    assert spec.version == "3"
    assert spec.metrics == {"cross_validation": {"accuracy": {"mean": 0.877, "deviation": 0.1}, "runs": 2}}
    weights, published = load_file(model / WEIGHTS), load_file(tmp_path / "out" / WEIGHTS)
    assert all(torch.equal(value, published[name]) for name, value in weights.items())
    assert Classifier.load(tmp_path / "out").classify(data / "high" / "0.wav").predictions
    (tmp_path / "crossval.json").write_text(json.dumps(results | {"labels": ["a", "b"]}))
    with pytest.raises(ConfigError, match="is about the labels a, b, the model has high, low"):
        publish(model, tmp_path / "out", "3", tmp_path / "crossval.json")


def test_publishing_without_cross_validation_keeps_the_figures_of_the_validation_split(
    config: Config, data: Path, tmp_path: Path
) -> None:
    short = replace(config, train=replace(config.train, epochs=1), data=replace(config.data, validation=0.3))
    model = run(short, data, tmp_path / "run")
    publish(model, tmp_path / "out", "3", None)
    measured = dict(read_spec(model).metrics["validation"])
    del measured["confusion"]
    assert read_spec(tmp_path / "out").metrics == {"validation": {name: round(measured[name], 4) for name in measured}}


def test_the_configuration_may_name_the_data(data: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").symlink_to(data)
    done = command(tmp_path, "training", "train", "run.toml", "--device", "cpu")
    assert done.returncode == 2
    assert "Name their folder with --data, or as data.root" in done.stderr
    done = command(tmp_path, "training", "train", "run.toml", "--set", "data.root=clips", "--device", "cpu")
    assert done.returncode == 0, done.stderr


def test_a_user_error_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = command(tmp_path, "training", "train", "run.toml", "--data", "nowhere")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: the data folder nowhere does not exist; name it with --data"
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_one_line_and_exit_code_2(data: Path, tmp_path: Path) -> None:
    done = command(tmp_path, "training", "train", "run.toml", "--data", str(data), "--set", "train.batch_size=2.5")
    assert (done.returncode, done.stderr) == (2, "error: train.batch_size must be a whole number, got 2.5\n")


def evaluate(data: Path, tmp_path: Path, fold: str) -> None:
    (tmp_path / "run.toml").write_text(TOML)
    commands(["evaluate", str(tmp_path / "run.toml"), "--data", str(data), "--fold", fold], standalone_mode=False)


@pytest.mark.parametrize("fold", ["9", ""])
def test_evaluating_a_fold_that_is_not_there_names_those_that_are(data: Path, tmp_path: Path, fold: str) -> None:
    with pytest.raises(ConfigError, match=f"the manifest has no fold '{fold}'; it has 0, 1, 2"):
        evaluate(data, tmp_path, fold)


def test_evaluating_a_fold_takes_its_clips_alone(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Clip] = []

    def perfect(_: str, clips: list[Clip], __: Path, *, max_unreadable: float) -> tuple[Answered, ModelSpec]:
        assert max_unreadable == DataConfig().max_unreadable
        asked.extend(clips)
        logits = np.eye(2, dtype=np.float32)
        answered = Answered(["a", "b"], ["", ""], np.array([1, 1]), logits, np.zeros(2), {MAIN: np.eye(2)})
        return answered, tiny_spec(task=TaskSpec("single_label", ("high", "low")))

    monkeypatch.setattr(measure_commands, "answer", perfect)
    evaluate(data, tmp_path, "1")
    assert [clip.fold for clip in asked] == ["1"] * 8


def test_evaluating_no_clips_is_refused() -> None:
    with pytest.raises(ConfigError, match="evaluation needs at least 1 clip, got none; check the manifest"):
        predict("genre", [])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ModelConfig("r3d-18"), "'r3d-18' takes 3 axes, 3 channels; choose one of "),
        (ModelConfig("r3d-18", {"ndim": 1, "in_channels": 1}), "'r3d-18' takes 3 axes, 1 channel; choose one of "),
        (ModelConfig("lenet-5"), "'lenet-5' takes 2 axes, 1 channel; set model.arguments.ndim = 1, or choose one of "),
        (
            ModelConfig("resnet-18", {"ndim": 1}),
            "'resnet-18' takes 1 axis, 3 channels; set model.arguments.in_channels = 1, ",
        ),
        (ModelConfig("m5", {"in_channels": 2}), "'m5' takes 1 axis, 2 channels; choose one of "),
    ],
)
def test_networks_for_other_input_than_sound_are_refused_at_once(
    config: Config, tmp_path: Path, model: ModelConfig, message: str
) -> None:
    config, nowhere = replace(config, model=model), tmp_path / "nowhere"  # refused before the clips are read
    with pytest.raises(ConfigError, match=message) as caught:
        run(config, nowhere, tmp_path / "run")
    assert str(caught.value).endswith(f"choose one of {', '.join(models.names(1))}")
    with pytest.raises(ConfigError, match=message):
        cross_validate(config, nowhere, tmp_path / "run", tmp_path, seeds=[0], folds=[], jobs=1, device="cpu")


@pytest.mark.parametrize(
    "model", [ModelConfig(name) for name in models.names(1)] + [ModelConfig("resnet-18", {"ndim": 1, "in_channels": 1})]
)
def test_networks_for_sound_are_not_refused(config: Config, model: ModelConfig) -> None:
    if "sample_rate" in inspect.signature(models.architecture(model.architecture).network).parameters:
        model = replace(model, arguments={"sample_rate": SAMPLE_RATE})
    check_architecture(replace(config, model=model))
