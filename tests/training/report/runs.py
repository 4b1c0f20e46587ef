"""Folders of runs as training leaves them, with answers that are made up."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audiocnn.nn.heads import Heads
from audiocnn.spec import AudioSpec, ModelSpec, TaskSpec
from tests.conftest import TINY, write_model
from training.answers import ANSWERS, Answered
from training.config import AugmentConfig, Config, ModelConfig

GENRES = ("blues", "jazz", "rock")


def write_run(
    folder: Path,
    task: TaskSpec,
    *,
    side_tasks: Mapping[str, TaskSpec] | None = None,
    clips: Sequence[str] | None = None,
    windows: int = 3,
    groups: bool = True,
    seed: int = 0,
    fold: str | None = "1",
    history: bool = True,
    evaluated: bool = True,
    data: Path | None = None,
) -> None:
    """A run whose model is right more often than not.

    clips: names, 48 by default. windows: of each clip. groups: whether four clips each come from one.
    """
    spec = _spec(task, side_tasks or {}, seed, fold)
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder / "model", spec, onnx=False)
    if history:
        rows = [_epoch(epoch, task) for epoch in range(4)]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if data is not None:
        (folder / "starts.jsonl").write_text(json.dumps(_start(data)) + "\n")
    if evaluated:
        names = clips or [f"clip {i:02}.wav" for i in range(48)]
        _answered(spec, names, windows, groups, seed).save(folder / ANSWERS)


def crossval_clips(folds: int = 3) -> list[str]:
    """The names of the clips of `write_crossval`."""
    return [f"{fold}#{i:02} 100%.wav" for fold in range(folds) for i in range(24)]


def write_crossval(folder: Path, task: TaskSpec, *, seeds: int = 2, folds: int = 3, **how: Any) -> None:
    """Runs of each fold with each seed; the clips of a fold are the same for all seeds."""
    done = [{"seed": seed, "fold": str(fold)} for seed in range(seeds) for fold in range(folds)]
    for run in done:
        seed, fold = run["seed"], run["fold"]
        clips = [name for name in crossval_clips(folds) if name.startswith(fold)]
        write_run(folder / f"seed-{seed}-fold-{fold}", task, clips=clips, seed=seed, fold=fold, **how)
    (folder / "crossval.json").write_text(json.dumps({"folds": done}))


def _spec(task: TaskSpec, side_tasks: Mapping[str, TaskSpec], seed: int, fold: str | None) -> ModelSpec:
    sound = AudioSpec(sample_rate=8000, window=8000, hop=4000)
    named = {"kind": "single_label", "label": "genre"}  # what the recipe says of the task is only shown
    recipe = Config("notes", sound, ModelConfig("filterbank-resnet"), augment=AugmentConfig(), seed=seed).to_json()
    recipe["data"] = {**recipe["data"], **named, "group": "artist"}
    return ModelSpec(
        name="notes",
        version="0",
        architecture="filterbank-resnet",
        arguments={**TINY, "sample_rate": 8000},
        input=sound,
        task=task,
        side_tasks=side_tasks,
        training={"recipe": recipe, "clips": 96, "epochs": 4, "test_fold": fold, "torch": "2.9"},
    )


def _answered(spec: ModelSpec, clips: Sequence[str], windows: int, groups: bool, seed: int) -> Answered:
    random = np.random.default_rng((seed, *clips[0].encode()))
    heads = Heads(spec.tasks)
    targets = {name: _targets(task, len(clips)) for name, task in spec.tasks.items()}
    logits = np.concatenate([_logits(task, targets[name]) for name, task in spec.tasks.items()], axis=1)
    assert logits.shape[1] == heads.num_outputs
    noise = random.normal(scale=2.5, size=(len(clips), 1, logits.shape[1]))
    noisy = logits[:, np.newaxis] + noise + random.normal(size=(len(clips), windows, logits.shape[1]))
    return Answered(
        clips=clips,
        groups=[f"artist {i // 4} of {clips[0]}" if groups else "" for i in range(len(clips))],
        windows=np.full(len(clips), windows),
        logits=noisy.reshape(-1, logits.shape[1]).astype(np.float32),
        starts_s=np.tile(0.5 * np.arange(windows), len(clips)),
        targets=targets,
    )


def _targets(task: TaskSpec, clips: int) -> np.ndarray:
    random = np.random.default_rng(clips)  # the truth does not depend on the seed
    count = len(task.labels)
    if task.kind == "regression":
        return random.normal(120, 30, (clips, count)).clip(31, 299)
    if task.kind == "multi_label":
        shares = random.random((clips, count))
        return shares if task.labels[0] == "calm" else (shares > 0.6).astype(float)
    return np.eye(count)[random.integers(count, size=clips)]


def _logits(task: TaskSpec, targets: np.ndarray) -> np.ndarray:
    if task.kind == "regression" and task.quantities[0].bins:
        (quantity,) = task.quantities
        centres = np.geomspace(quantity.low, quantity.high, quantity.bins)
        return 8.0 * (np.abs(np.log(centres / targets)) < 0.05)
    if task.kind == "regression":
        means, deviations = (np.array([getattr(q, part) for q in task.quantities]) for part in ("mean", "deviation"))
        return (targets - means) / deviations
    if task.kind == "binary":
        return 4 * targets[:, 1:] - 2
    return 4 * targets - 2


def _epoch(epoch: int, task: TaskSpec) -> dict[str, Any]:
    quality = {"loss": 1.2 - 0.2 * epoch} | ({} if task.kind == "regression" else {"accuracy": 0.4 + 0.1 * epoch})
    return {
        "epoch": epoch + 1,
        "train_loss": 1 / (1 + epoch),
        "lr": 0.001,
        "seconds": 2.5,
        "data_wait": 0.01,
        "validation": quality,
    }


def _start(data: Path) -> dict[str, Any]:
    return {
        "started": "2026-01-02T03:04:05+00:00",
        "data": str(data),
        "device": "CPU",
        "cpu": "Fast Processor",
        "cores": 2,
        "threads": 2,
        "processes": 1,
        "audiocnn": "0.1.0",
        "torch": "2.9",
        "python": "3.12.1",
        "commit": "abcdef123456",
    }
